"""Where a key goes: the same place on every bus, so that an island's events stay together."""

import zlib


def partition_of(key: bytes, partitions: int) -> int:
    """CRC-32 of the key (as in zlib) modulo the number of partitions: librdkafka calls it ``consistent``."""
    return zlib.crc32(key) % partitions
