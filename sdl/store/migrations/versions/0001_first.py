"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, the owner that holds nothing, and the head of an empty chain."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at_utc", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("robot", sa.Text(), nullable=False),
        sa.Column("protocol_hash", sa.Text(), nullable=False),
        sa.Column("csv", sa.Text(), nullable=False),
        sa.Column("list_hash", sa.Text(), nullable=False),
        sa.Column("protocol_id", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("t0_s", sa.Float(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.CheckConstraint("abs(t0_s) < 1000000000000000", name=op.f("ck_attempts_t0_s")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("n", name=op.f("uq_attempts_n")),
    )
    op.create_table(
        "campaign_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_utc", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("parsed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "deck",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "diagnostics",
        sa.Column("batch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("batch"),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_utc", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Text(), nullable=True),
        sa.Column("experiment", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "grids",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("wavelength_nm", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "owner",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "experiments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("suggestion", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("well", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Text(), nullable=True),
        sa.Column("executed", sa.Text(), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("is_hit", sa.Boolean(), nullable=True),
        sa.Column("outcome_read", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_experiments_attempt")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("batch", "position", name=op.f("uq_experiments_batch_position")),
        sa.UniqueConstraint("seq", name=op.f("uq_experiments_seq")),
    )
    op.create_table(
        "handshakes",
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("written_at", sa.Text(), nullable=False),
        sa.Column("released_s", sa.Float(), nullable=True),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.CheckConstraint("abs(released_s) < 1000000000000000", name=op.f("ck_handshakes_released_s")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_handshakes_attempt")),
        sa.PrimaryKeyConstraint("attempt", "command_id"),
    )
    op.create_table(
        "stock_ledger",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stock", sa.Text(), nullable=False),
        sa.Column("delta_ul", sa.Float(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Text(), nullable=True),
        sa.CheckConstraint("abs(delta_ul) < 1000000000000000", name=op.f("ck_stock_ledger_delta_ul")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_stock_ledger_attempt")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "reads",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("experiment", sa.Text(), nullable=True),
        sa.Column("well", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("time_s", sa.Float(), nullable=False),
        sa.Column("since_injection_s", sa.Float(), nullable=True),
        sa.Column("since_quench_s", sa.Float(), nullable=True),
        sa.Column("features", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=False),
        sa.CheckConstraint("abs(since_injection_s) < 1000000000000000", name=op.f("ck_reads_since_injection_s")),
        sa.CheckConstraint("abs(since_quench_s) < 1000000000000000", name=op.f("ck_reads_since_quench_s")),
        sa.CheckConstraint("abs(time_s) < 1000000000000000", name=op.f("ck_reads_time_s")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_reads_attempt")),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], name=op.f("fk_reads_experiment")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("attempt", "command_id", name=op.f("uq_reads_attempt_command_id")),
    )
    op.create_index(op.f("ix_reads_experiment"), "reads", ["experiment"], unique=False)
    op.create_table(
        "wells",
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("well", sa.Text(), nullable=False),
        sa.Column("experiment", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("injected_s", sa.Float(), nullable=True),
        sa.Column("quenched_s", sa.Float(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.CheckConstraint("abs(injected_s) < 1000000000000000", name=op.f("ck_wells_injected_s")),
        sa.CheckConstraint("abs(quenched_s) < 1000000000000000", name=op.f("ck_wells_quenched_s")),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"], name=op.f("fk_wells_attempt")),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], name=op.f("fk_wells_experiment")),
        sa.PrimaryKeyConstraint("attempt", "well"),
    )
    op.create_table(
        "spectra",
        sa.Column("read_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("grid", sa.Text(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.Column("time_s", sa.Float(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.CheckConstraint("abs(time_s) < 1000000000000000", name=op.f("ck_spectra_time_s")),
        sa.ForeignKeyConstraint(["grid"], ["grids.id"], name=op.f("fk_spectra_grid")),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_spectra_read_id")),
        sa.PrimaryKeyConstraint("read_id", "position"),
    )
    owner = sa.table("owner", *(sa.column(name) for name in ("id", "epoch", "started", "boot", "host", "since")))
    op.bulk_insert(owner, [{"id": 1, "epoch": 0, "started": "", "boot": "", "host": "", "since": ""}])
    op.bulk_insert(sa.table("meta", sa.column("key"), sa.column("value")), [{"key": "head", "value": "0 " + "0" * 64}])
