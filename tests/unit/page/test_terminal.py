"""How a recording of a terminal becomes a picture."""

from __future__ import annotations

from tests.page.terminal import Output, TerminalText, join, pieces, svg


def test_texts_stand_where_the_terminal_showed_them() -> None:
    """They have their style, and stand on the lines that the terminal wrapped."""
    outputs = list(
        pieces(
            [
                Output(at_s=0.0, text="one\r\n\x1b[32mtwo\x1b[0m"),
                Output(at_s=1.0, text=" three\r\n" + "x" * 120),
            ]
        )
    )
    assert outputs == [
        TerminalText(at_s=0.0, row=0, column=0, text="one", style=""),
        TerminalText(at_s=0.0, row=1, column=0, text="two", style="g"),
        TerminalText(at_s=1.0, row=1, column=3, text=" three", style=""),
        TerminalText(at_s=1.0, row=2, column=0, text="x" * 118, style=""),
        TerminalText(at_s=1.0, row=3, column=0, text="xx", style=""),
    ]


def test_pauses_are_short_and_the_folder_is_not_shown() -> None:
    first = [
        Output(at_s=30.0, text="a"),
        Output(at_s=30.1, text="in /folder/x, drill FOLDER=/folder/x"),
    ]
    second = [Output(at_s=0.5, text="b")]
    outputs = list(join([first, second], hidden="/folder/x"))
    assert [round(output.at_s, 2) for output in outputs] == [1.2, 1.3, 1.8]
    assert outputs[1].text == "in .local, drill"


def test_what_was_printed_is_text_of_the_picture() -> None:
    picture = svg([TerminalText(at_s=0.25, row=0, column=0, text="<b> & more", style="r")])
    assert "&lt;b&gt; &amp; more</text>" in picture
    assert "animation-delay:0.25s" in picture
