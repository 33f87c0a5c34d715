"""The one table that ./dev bench prints."""


def hardware(found, pools):
    lines = []
    for threads in ("1", "2"):
        peak = found[threads]
        lines.append(f"{threads} thread{'s' if threads != '1' else ''}: multiply-adds "
                     f"{peak['flops'] / 1e9:.0f} GFLOP/s, triad {peak['triad'] / 1e9:.0f} GB/s, "
                     f"reading {peak['read'] / 1e9:.0f} GB/s")
    blas = [f"{p['internal_api']} {p['version']} {p['architecture']}" for p in pools
            if p["user_api"] == "blas"]
    lines.append(f"lathe's kernels: {found['kernels']}; NumPy's: {', '.join(blas) or 'unknown'}")
    return "\n".join(lines)


def progress(job, heap, found):
    return (f"{heap} {job.key}: scikit-learn {found['sklearn'] / job.unit:.3g}, "
            f"lathe {found['lathe'] / job.unit:.3g}, {found['sklearn'] / found['lathe']:.3g}x "
            f"({found['runs']} runs)")


def _number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"


def _cells(row):
    job, warm, cold = row["job"], row["warm"], row.get("cold")
    ratio = warm["sklearn"] / warm["lathe"]
    limit_us = job.extra.get("limit_us")
    if limit_us:
        floor, reached = f"{limit_us} us", warm["lathe"] <= 1e-6 * limit_us
    else:
        floor, reached = f"{job.floor:g}x", ratio >= job.floor
    cells = [job.name, job.label, warm["option"], _number(warm["sklearn"] / job.unit),
             _number(warm["lathe"] / job.unit), _number(ratio) + "x", floor,
             "yes" if reached else "NO", f"{100 * row['limit'] / warm['lathe']:.0f} %"]
    if cold:
        cells += [_number(cold["sklearn"] / job.unit), _number(cold["lathe"] / job.unit),
                  _number(cold["sklearn"] / cold["lathe"]) + "x"]
    else:
        cells += ["-", "-", "-"]
    if "memory" in row:
        used, allowed = row["memory"]
        cells.append(f"{used / 2**20:.0f} of {allowed / 2**20:.0f}" +
                     (" OVER" if used > allowed else ""))
    else:
        cells.append("-")
    cells.append("same" if len(set(row["bits"])) == 1 else "DIFFER")
    return cells


HEAD = ["job", "shape", "scikit-learn's best", "its ms", "ours", "ratio", "floor", "reached",
        "of limit", "cold: its", "ours", "ratio", "peak MiB", "bits"]


def text(rows):
    cells = [HEAD] + [_cells(row) for row in rows]
    widths = [max(len(line[c]) for line in cells) for c in range(len(HEAD))]
    lines = []
    for i, line in enumerate(cells):
        lines.append("  ".join(cell.ljust(w) if c < 3 else cell.rjust(w)
                               for c, (cell, w) in enumerate(zip(line, widths))).rstrip())
        if i == 0:
            lines.append("-" * len(lines[0]))
    reached = sum(line[7] == "yes" for line in cells[1:])
    lines += [
        "",
        f"{reached} of {len(cells) - 1} floors reached (warm heap, 2 threads, medians). Times in ms; "
        "predict_one_row in us.",
        "of limit: the least time that multiply-adds and memory bandwidth allow, over ours. peak: what "
        "a fit takes",
        "besides its input, of what it may. bits: of the answer with 1, 2, 3, 5 and 16 threads.",
    ]
    return "\n".join(lines)
