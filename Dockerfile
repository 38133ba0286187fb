# One image for all services: `docker run IMAGE python -m evaluator --help`. Built from the lock file, runs without rights.
FROM python:3.12-slim-bookworm AS build
ENV UV_PROJECT_ENVIRONMENT=/app/.venv UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
WORKDIR /source
RUN pip install --no-cache-dir uv==0.13.9
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-default-groups --no-install-project
COPY libs libs
COPY services services
RUN uv sync --frozen --no-default-groups --no-editable

FROM python:3.12-slim-bookworm
RUN useradd --uid 10001 --create-home galapagos \
 && install --directory --owner galapagos --group galapagos /run-folder /home/galapagos/.cache
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER galapagos
WORKDIR /home/galapagos
CMD ["galapagos", "--help"]
