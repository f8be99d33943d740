"""The key file: nothing in it opens a door but the HMAC secrets, which is why nobody else may read it."""

from pathlib import Path

import pytest

from pmm.cli import main
from pmm.errors import InvalidInput, UnsafeToSign
from pmm.server.access.keys import KeyKind, Keyring, new_key, read_keys, write_keys
from pmm.server.access.rate_limit import RateLimiter
from pmm.server.access.roles import Role


def _key(kind: KeyKind = KeyKind.API_KEY) -> tuple[object, str]:
    return new_key(kind=kind, role=Role.RELAYER, name="1inch", now_s=1)


def test_write_keys__api_key__keeps_only_a_hash_in_a_private_file(tmp_path: Path) -> None:
    record, shown = new_key(kind=KeyKind.API_KEY, role=Role.RELAYER, name="1inch", now_s=1)
    path = tmp_path / "keys.json"
    write_keys(path, [record])
    assert shown not in path.read_text()
    assert shown.split("_", 2)[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_keys(path) == [record]


def test_key_record__repr__shows_no_secret() -> None:
    for kind in KeyKind:
        record, shown = new_key(kind=kind, role=Role.RELAYER, name="1inch", now_s=1)
        assert record.verifier not in repr(record)
        assert shown.split("_", 2)[2] not in repr(record)


def test_read_keys__file_that_others_can_read__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_keys(path, [])
    path.chmod(0o640)
    with pytest.raises(UnsafeToSign, match="chmod 600"):
        read_keys(path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version":1,"keys":[{}]}', '{"version":1,"keys":[],"more":1}']
)
def test_read_keys__no_key_file__is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InvalidInput, match="pmm keys"):
        read_keys(path)


def test_keyring__same_id_twice__is_refused(tmp_path: Path) -> None:
    record, _ = new_key(kind=KeyKind.API_KEY, role=Role.RELAYER, name="1inch", now_s=1)
    write_keys(tmp_path / "keys.json", [record, record])
    with pytest.raises(InvalidInput, match="once"):
        Keyring(tmp_path / "keys.json")


def test_roles__each__may_what_those_below_may_and_relayers_stand_apart() -> None:
    ladder = [Role.VIEWER, Role.TRADER, Role.RISK, Role.DESK, Role.ADMIN]
    for rank, role in enumerate(ladder):
        assert [role.may(needed) for needed in ladder] == [index <= rank for index in range(len(ladder))]
        assert not role.may(Role.RELAYER)
        assert not Role.RELAYER.may(role)
    assert Role.RELAYER.may(Role.RELAYER)


def test_rate_limiter__many_names__is_bounded() -> None:
    limiter = RateLimiter(rate_per_s=1, burst=1, most_names=10)
    for number in range(1_000):
        assert limiter.take(str(number), 0.0) is None
    assert len(limiter._buckets) == 10


def test_rate_limiter__clock_that_runs_back__gives_nothing_for_it() -> None:
    limiter = RateLimiter(rate_per_s=1, burst=1)
    assert limiter.take("a", 10.0) is None
    assert limiter.take("a", 5.0) == 1


def test_keys_command__create_list_revoke__shows_the_key_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    monkeypatch.setenv("PMM_AUTH_KEYS_FILE", str(path))
    main_exits("keys", "create", "1inch")
    shown = capsys.readouterr().out.strip()
    keyring = Keyring(path)
    record = keyring.check_api_key(shown)
    assert record is not None
    main_exits("keys", "list")
    listed = capsys.readouterr().out
    assert record.key_id in listed
    assert shown.split("_", 2)[2] not in listed
    main_exits("keys", "revoke", record.key_id)
    keyring.refresh()
    assert keyring.check_api_key(shown) is None
    with pytest.raises(SystemExit):
        main(["keys", "revoke", record.key_id])


def test_keys_command__no_file_named__says_what_to_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PMM_AUTH_KEYS_FILE", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["keys", "list"])
    assert ended.value.code == 2
    assert "PMM_AUTH_KEYS_FILE" in capsys.readouterr().err


def main_exits(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code in (0, None)
