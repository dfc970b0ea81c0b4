# SPDX-License-Identifier: BSD-2-Clause
"""Read the findings of `ebpf-new doctor --json` and `make doctor`."""

from collections.abc import Mapping

from scaffold.doctor.finding import Finding, Purpose, Status


def finding_from_json(entry: Mapping[str, str]) -> Finding:
    """Return the finding that `entry` of the key `findings` describes. An unknown or a missing key is an error."""
    values = dict(entry)
    finding = Finding(
        purpose=Purpose(values.pop("purpose")),
        check=values.pop("check"),
        status=Status(values.pop("status")),
        found=values.pop("found"),
        fix=values.pop("fix"),
        package=values.pop("package"),
    )
    assert not values
    return finding
