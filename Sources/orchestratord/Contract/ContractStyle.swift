/// How the page of the API looks: by day and by night, on paper and on a telephone.
enum ContractStyle {
  static let css = """
    :root { color-scheme: light dark; --text: #1c2128; --quiet: #57606a; --ground: #ffffff; --raised: #f4f6f8; --line: #d0d7de; --accent: #0b5cad; }
    @media (prefers-color-scheme: dark) {
      :root { --text: #e6edf3; --quiet: #9aa6b2; --ground: #0f1419; --raised: #182028; --line: #33404d; --accent: #79b8ff; }
    }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 68rem; padding: 1rem; color: var(--text); background: var(--ground); font: 1rem/1.5 system-ui, sans-serif; }
    a { color: var(--accent); }
    a:focus-visible, summary:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .skip { position: absolute; left: -100rem; }
    .skip:focus { position: static; }
    nav a { display: inline-block; padding: 0.25rem 0.5rem 0.25rem 0; }
    h2 { margin: 2rem 0 0.5rem; border-bottom: 1px solid var(--line); }
    h3 { margin: 1rem 0 0.25rem; font-size: 1rem; }
    details { margin: 0.4rem 0; border: 1px solid var(--line); border-radius: 0.4rem; }
    summary { padding: 0.5rem 0.75rem; cursor: pointer; overflow-wrap: anywhere; }
    details[open] > summary { background: var(--raised); }
    details > div { padding: 0.25rem 0.75rem 0.75rem; overflow-x: auto; scroll-margin-top: 3rem; }
    summary span { color: var(--quiet); }
    code { font: 0.9em ui-monospace, monospace; }
    .method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
    table { border-collapse: collapse; width: 100%; margin: 0.25rem 0; }
    caption { text-align: left; font-weight: 600; }
    th, td { padding: 0.2rem 0.6rem 0.2rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: 400; }
    thead th, dt { color: var(--quiet); }
    dl { display: grid; grid-template-columns: 3rem 1fr; gap: 0.2rem 0.75rem; margin: 0.25rem 0; }
    dd { margin: 0; }
    @media print { details { border: 0; } nav, .skip { display: none; } }

    """
}
