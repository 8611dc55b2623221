import traceback

from unif2ace.logs import keep_words_out

SECRET = "the house with the green door"


def test_an_exception_is_logged_by_kind_and_place_without_its_words(capsys, monkeypatch):
    monkeypatch.setattr(traceback, "print_exc", traceback.print_exc)  # put back afterwards
    keep_words_out()
    try:
        raise KeyError(SECRET)
    except KeyError:
        traceback.print_exc()
    told = capsys.readouterr().err
    assert "KeyError" in told and "test_logs.py" in told and "raise" in told
    assert SECRET not in told


def test_where_nothing_went_wrong_nothing_is_logged(capsys, monkeypatch):
    monkeypatch.setattr(traceback, "print_exc", traceback.print_exc)
    keep_words_out()
    traceback.print_exc()
    assert capsys.readouterr().err == ""
