"""The front door: one function per verb; heavy imports stay inside the verb that needs them.

Results go to stdout (one JSON document with ``--json``), progress and errors to stderr. The exit code is that of the
error tree in ``sdl.errors``; 130 is an interrupt.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from sdl import __version__
from sdl.errors import SdlError

app = App(
    name="sdl", version=__version__, help="A self-driving lab for quantum dots: ask for a colour, get the recipe."
)

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document on stdout, nothing else.")]
State = Annotated[Path | None, Parameter(name="--state", help="Folder of the campaign's memory; default .sdl/NAME.")]
Data = Annotated[Path | None, Parameter(name="--data", help="Historical table, in place of the file's own path.")]


@app.command
def check(
    file: Path,
    *,
    prepare: Annotated[
        bool, Parameter(negative="", help="Print how to prepare each stock, in place of the plan.")
    ] = False,
    state: State = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Validate a campaign file and say the plan in words; touches no hardware and creates nothing."""
    from datetime import UTC, datetime

    from sdl.config.load import load_campaign, refuse_old_lots
    from sdl.words import plan_in_words, preparation_in_words, used_so_far

    campaign = load_campaign(file, data=data)
    if not prepare:
        refuse_old_lots(campaign, datetime.now(UTC))
    plan = preparation_in_words(campaign) if prepare else plan_in_words(campaign, used_so_far(campaign, state=state))
    if campaign.history:
        from sdl.past import read_past

        notes = [note for past in read_past(campaign) for note in past.notes]
        text = "\n".join([plan.text, *(f"History: {note}" for note in notes)])
        plan = dataclasses.replace(plan, text=text, facts={**plan.facts, "history": notes})
    if json:
        _print_json({"campaign": campaign.name, "ok": True, **plan.facts})
    else:
        _say(plan.text)
    return 0


@app.command
def schema(*, lab: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Print the JSON schema of the campaign file (or of the lab file) for editor completion."""
    from sdl.config.schema import json_schema

    _print_json(json_schema("lab" if lab else "campaign"))
    return 0


@app.command
def init(
    folder: Path,
    *,
    example: str = "blue-465",
    past: Annotated[
        Path | None, Parameter(name="--from", help="A table of past syntheses: .csv, .xlsx, .parquet.")
    ] = None,
    target: Annotated[str, Parameter(help="What is wanted, such as '465 nm, FWHM < 20 nm' (with --from).")] = "",
) -> int:
    """Make a folder with a campaign file that runs as it is, or one drafted from your own table with --from."""
    if past is not None:
        from sdl.config.draft import draft_campaign
        from sdl.words import draft_in_words

        _say(draft_in_words(draft_campaign(past, folder, target=target)))
        return 0
    from sdl.config.examples import copy_example

    for path in copy_example(example, folder):
        _say(str(path))
    return 0


@app.command
def plan(
    file: Path,
    *,
    n: Annotated[int | None, Parameter(name="-n")] = None,
    target: Annotated[
        str, Parameter(help="Ask for these features instead: '480 nm, FWHM < 20 nm', or '470, 480 nm'.")
    ] = "",
    out: Path | None = None,
    state: State = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Suggest the next experiments with predictions, intervals and reasons; touches no hardware."""
    if target:
        from flows.asking import ask_for

        answer = ask_for(file, target, n=n, state=state, data=data)
        if json:
            _print_json(answer)
        else:
            from sdl.words import answer_in_words

            _say(answer_in_words(answer))
        return 0
    from flows.planning import plan_experiments

    document = plan_experiments(file, n=n, state=state, data=data, out=out)
    if json:
        _print_json(document)
    else:
        from sdl.words import suggestions_in_words

        _say(suggestions_in_words(document))
    return 0


@app.command
def backtest(
    file: Path,
    *,
    target: Annotated[str, Parameter(help="Look for this instead: '465 nm, FWHM < 20 nm'.")] = "",
    seeds: Annotated[int, Parameter(help="How often to replay each strategy.")] = 10,
    budget: Annotated[
        int | None, Parameter(help="Experiments of each replay; default as in the file, at most 40.")
    ] = None,
    jobs: Annotated[int | None, Parameter(help="Processes at a time; default one per core.")] = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Replay the model on your past experiments against random and even choice: who finds the target sooner."""
    from flows.backtest import backtest as replay_past

    document = replay_past(file, wish=target, seeds=seeds, budget=budget, workers=jobs, data=data)
    if json:
        _print_json(document)
    else:
        from flows.sayings import backtest_in_words

        _say(backtest_in_words(document))
    return 0


@app.command
def rehearse(
    file: Path,
    *,
    runs: Annotated[int, Parameter(help="How many campaigns to rehearse.")] = 30,
    jobs: Annotated[int | None, Parameter(help="Processes at a time; default one per core.")] = None,
    state: State = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Rehearse the whole campaign before the first drop: experiments, hours, tips, waste, and its chances."""
    from flows.rehearse import rehearse as rehearse_campaign

    document = rehearse_campaign(file, runs=runs, workers=jobs, state=state, data=data)
    if json:
        _print_json(document)
    else:
        from flows.sayings import rehearsal_in_words

        _say(rehearsal_in_words(document))
    return 0


@app.command
def run(
    file: Path,
    *,
    state: State = None,
    store: Annotated[str, Parameter(help="postgresql://user@host/database, the first time; else a file.")] = "",
    runner: Literal["prefect", "plain"] = "prefect",
    json: Json = False,
) -> int:
    """Run the autonomous campaign from where its store stands until it hits, spends its budget, or needs a person."""
    from flows.campaign import run_campaign

    summary, code = run_campaign(file, state=state, runner=runner, url=store)
    _show_status(summary, json)
    return code


@app.command
def resume(
    file: Path,
    *,
    state: State = None,
    store: str = "",
    runner: Literal["prefect", "plain"] = "prefect",
    json: Json = False,
) -> int:
    """Continue a campaign after a crash, a power loss or a person's answer; the same as ``run``."""
    return run(file, state=state, store=store, runner=runner, json=json)


@app.command
def status(file: Path, *, state: State = None, json: Json = False) -> int:
    """Say where the campaign stands; reads the store only."""
    from sdl.progress import summary_of

    _show_status(summary_of(file, state=state), json)
    return 0


@app.command
def tell(
    file: Path,
    *results: str,
    experiment: Annotated[str, Parameter(help="The experiment that a result typed here belongs to.")] = "",
    at: Annotated[str, Parameter(help="When it was measured, such as 2026-11-24T18:00.")] = "",
    failed: Annotated[str, Parameter(help="Why nothing could be measured.")] = "",
    by: Annotated[str, Parameter(help="Who measured it.")] = "",
    state: State = None,
    json: Json = False,
) -> int:
    """Add results, now or days later: a table, or typed as pl_peak=466.2nm fwhm='18 +- 0.3 nm'."""
    from sdl.telling import tell as tell_results
    from sdl.words import told_in_words

    table = Path(results[0]) if len(results) == 1 and "=" not in results[0] else None
    words = () if table else results
    told = tell_results(
        file, table, words=words, experiment=experiment, measured_at=at, failed=failed, who=by, state=state
    )
    if json:
        _print_json(told)
    else:
        _say(told_in_words(told))
    return 0


@app.command
def approve(
    file: Path,
    *,
    by: str,
    reject: Annotated[bool, Parameter(negative="")] = False,
    shown: Annotated[str, Parameter(help="The batch's hash in `sdl status`; refused if it has changed.")] = "",
    note: str = "",
    state: State = None,
    json: Json = False,
) -> int:
    """Approve (or reject) the batch that waits for a person, by name."""
    from sdl.progress import decide

    decision = "rejected" if reject else "approved"
    return _done(decide(file, state=state, who=by, decision=decision, note=note, shown=shown), json)


@app.command
def resolve(
    file: Path,
    *,
    by: str,
    attempt: str = "",
    outcome: Literal["ran", "not-run", "discard", ""] = "",
    request: int | None = None,
    note: str = "",
    state: State = None,
    json: Json = False,
) -> int:
    """Say what a person found: the fate of an UNKNOWN or stuck attempt, or that a refill request is done."""
    from sdl.progress import settle

    said = settle(file, state=state, who=by, attempt=attempt, outcome=outcome, request=request, note=note)
    return _done(said, json)


@app.command
def pause(file: Path, *, by: str, note: str = "", state: State = None, json: Json = False) -> int:
    """Let the attempt in flight end, then start nothing until ``resume``."""
    from sdl.people import hold

    return _done(hold(file, state, "pause", who=by, note=note), json)


@app.command
def stop(file: Path, *, by: str, note: str = "", state: State = None, json: Json = False) -> int:
    """Stop the robot where it is, heat off; its wells become UNKNOWN until somebody looks at them."""
    from sdl.people import hold

    return _done(hold(file, state, "stop", who=by, note=note), json)


@app.command
def refill(file: Path, what: str, *, by: str, volume: str = "", state: State = None, json: Json = False) -> int:
    """Say that tips, vials, waste or the stock at a place (with its new --volume) were renewed."""
    from sdl.people import refill as renew

    return _done(renew(file, state, what, volume, who=by), json)


@app.command
def repeat(
    file: Path,
    experiment: str,
    *,
    by: str,
    n: Annotated[int, Parameter(name="-n")] = 1,
    state: State = None,
    json: Json = False,
) -> int:
    """Make replicates of an experiment the next batch."""
    from sdl.people import repeat as ask_again

    return _done(ask_again(file, state, experiment, n, who=by), json)


@app.command
def remeasure(
    file: Path,
    experiment: str,
    *spectra: Path,
    by: str,
    at: Annotated[str, Parameter(help="When it was measured, such as 2026-11-24T18:00; default now.")] = "",
    dark: Path | None = None,
    blank: Path | None = None,
    state: State = None,
    json: Json = False,
) -> int:
    """Add spectra of a vial measured again as a later measurement of its experiment; nothing is dispensed."""
    from sdl.remeasure import remeasure as measure_again
    from sdl.words import told_in_words

    told = measure_again(file, experiment, spectra, who=by, measured_at=at, dark=dark, blank=blank, state=state)
    if json:
        _print_json(told)
    else:
        _say(told_in_words(told))
    return 0


@app.command
def edit(file: Path, experiment: str, *changes: str, by: str, state: State = None, json: Json = False) -> int:
    """Change a suggestion that is not planned yet, as NAME=NUMBER in the units of the JSON names."""
    from sdl.people import edit as change

    return _done(change(file, state, experiment, dict(_pairs(changes)), who=by), json)


@app.command
def reject(file: Path, experiment: str, *, by: str, note: str = "", state: State = None, json: Json = False) -> int:
    """Take one suggestion out of the batch that waits."""
    from sdl.people import drop

    return _done(drop(file, state, experiment, who=by, note=note), json)


@app.command
def label(file: Path, *, state: State = None, json: Json = False) -> int:
    """Say what stands in which vial, hits first, so that one can be picked up."""
    from sdl.people import labels
    from sdl.words import label_in_words

    vials = labels(file, state)
    if json:
        _print_json({"vials": vials})
    else:
        _say("\n".join(label_in_words(v) for v in sorted(vials, key=lambda v: not v["hit"])) or "no vial is filled yet")
    return 0


@app.command
def verify(file: Path, *, by: str = "", note: str = "", state: State = None, json: Json = False) -> int:
    """Name every row of the record that is not as it was written; with --by and --note, sign that this is known."""
    from sdl.people import verify as look

    found = look(file, state, who=by, note=note)
    if json:
        _print_json({"ok": not found, "problems": found, "signed_by": by if found else ""})
    else:
        _say("\n".join(found) or "every row and event is as it was written")
    return 6 if found and not by else 0


@app.command
def report(file: Path, *, out: Path | None = None, state: State = None, data: Data = None) -> int:
    """Write the report, one self-contained HTML page: the campaign, or how far to trust an offline one's data."""
    from sdl.progress import is_offline, open_store, state_folder
    from sdl.report import write_report

    if is_offline(file):
        from flows.trust import write_trust_report

        _say(str(write_trust_report(file, out=out, state=state, data=data)))
        return 0
    folder = state_folder(file, state)
    with open_store(file, state) as store:
        _say(str(write_report(store, out or folder / "report.html")))
    return 0


@app.command
def export(
    file: Path,
    *,
    to: Annotated[str, Parameter(help="csv, xlsx, parquet, or several of them with commas.")] = "csv",
    out: Annotated[Path | None, Parameter(help="Folder to write into; default export in the state folder.")] = None,
    state: State = None,
    data: Data = None,
) -> int:
    """Write every experiment as one row, to read on in other programs or as the history of another campaign."""
    from sdl.export import export as write_files

    for path in write_files(file, [kind.strip() for kind in to.split(",")], out=out, state=state, data=data):
        _say(str(path))
    return 0


@app.command
def spectrum(
    *files: Path,
    dark: Path | None = None,
    blank: Path | None = None,
    start: Annotated[
        Path | None, Parameter(help="First spectrum of the same reaction: say how much of the precursor is gone.")
    ] = None,
    x1_by: Literal["fit", "derivative"] | None = None,
    json: Json = False,
) -> int:
    """Read spectra of any instrument, files or whole folders, to features with uncertainty and flags.

    Counts without a reference are taken as emission, unless ``--blank`` (and ``--dark``) name files of the same grid.
    X1 comes from a fit of the whole spectrum; for more than 200 files, or with ``--x1-by derivative``, from the second
    derivative, which is faster and sees no dispersion.
    """
    from sdl.spectra.table import in_words, results_of

    results = results_of(files, dark=dark, blank=blank, start=start, x1_by=x1_by, out=sys.stderr)
    if json:
        _print_json([result.as_json() for result in results])
    else:
        _say(in_words(results))
    return 0 if any(not result.error for result in results) else 2


@app.command
def virtual_lab(
    *,
    folder: Path,
    spec: Path,
    idle_s: Annotated[float, Parameter(help="End after this long without a caller.")] = 600.0,
) -> int:
    """Run the built-in virtual lab as a process of its own; ``sdl run`` starts one by itself."""
    from sdl.lab.virtual.process import main as run_lab

    return run_lab(["--folder", str(folder), "--spec", str(spec), "--idle-s", str(idle_s)])


@app.command
def doctor(*, json: Json = False) -> int:
    """Say what of this installation works, what does not, and what to do."""
    from sdl.doctor import examine

    findings = examine()
    if json:
        _print_json(findings)
    else:
        for name, finding in findings.items():
            _say(f"{'ok  ' if finding['ok'] else 'FAIL'}  {name}: {finding['text']}")
    return 0 if all(f["ok"] for f in findings.values()) else 1


def _done(text: str, as_json: bool) -> int:
    """Say what was done, as a sentence or as one JSON document."""
    if as_json:
        _print_json({"done": text})
    else:
        _say(text)
    return 0


def _pairs(changes: Sequence[str]) -> list[tuple[str, str]]:
    from sdl.errors import Refused

    split = [change.partition("=") for change in changes]
    if wrong := [name for name, sign, _ in split if not sign]:
        raise Refused(f"{wrong[0]!r}: write NAME=NUMBER, such as growth_time_s=300")
    return [(name, value) for name, _, value in split]


def _show_status(summary: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(summary)
        return
    from sdl.words import status_in_words

    _say(status_in_words(summary))


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=2, allow_nan=False, ensure_ascii=False)
    sys.stdout.write("\n")


def command(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code; nothing but a bug raises."""
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # matrices of some hundred rows: more threads only wait for each other
    try:
        return int(app(arguments, exit_on_error=False, print_error=False, result_action="return_value") or 0)
    except CycloptsError as exc:
        sys.stderr.write(f"sdl: {exc}\ntry: sdl --help\n")
        return 2
    except SdlError as exc:
        sys.stderr.write(f"{exc}\n")
        return exc.exit_code
    except BrokenPipeError:  # whoever read the answer has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; `sdl resume` continues where the store stands\n")
        return 130


def main() -> None:
    """Enter from the shell."""
    raise SystemExit(command(sys.argv[1:]))


if __name__ == "__main__":
    main()
