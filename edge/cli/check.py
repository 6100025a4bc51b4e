"""`edge check`: whether everything that a configuration names works."""

from edge.cli.findings import report_findings
from edge.cli.options import ConfigOption, JsonOption


def check(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Try for real whatever a configuration names: camera, model, actions, memory, clock.

    All of it is tried, a line each: "ok" is fine, "warn" does not work well, "fail" does not work;
    then the exit code is 1. Nothing is switched, sent or recorded.

    Raises:
        Exit: Something does not work.
        ConfigError: The configuration is not found, or wrong.
    """
    from edge.cli.check_parts import try_all
    from edge.config import find_config, read_config

    report_findings(try_all(read_config(find_config(config))), is_json=json)
