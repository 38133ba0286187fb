"""The genome: the full hereditary description of one strategy, as a fixed-width record of finite alleles."""
