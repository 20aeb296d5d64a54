/// How a listing's page looks: in the style sheet alone, with its pictures.
enum ListingStyle {
    // The pictures are masks, filled with a colour for each kind, so that they suit light and dark.
    static let sheet: StaticString = """
        :root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1c2430; --soft: #657084; --line: #e6e9ee; --hover: #f1f5fb; --link: #0b57b7; --dir: #d99516; --img: #16915d; --vid: #7c4ddb; --aud: #cf3a83; --zip: #a3673a; --code: #0c8499; --txt: #5b7391; --pdf: #cf3f3f; --bin: #97a1b0 }
        @media (prefers-color-scheme: dark) { :root { --back: #0e1116; --card: #161b22; --text: #e2e7ee; --soft: #929dae; --line: #262d37; --hover: #1d2430; --link: #79b4ff; --dir: #eab24b; --img: #46c48b; --vid: #ab8bff; --aud: #f078b0; --zip: #cf9a6b; --code: #4cc0d4; --txt: #93a9c5; --pdf: #f27878; --bin: #7b8696 } }
        * { box-sizing: border-box }
        body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif }
        main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 3rem }
        h1 { margin: 0 .25rem 1rem; font-size: 1.25rem; font-weight: 600; line-height: 1.6; overflow-wrap: anywhere }
        .sep { font-weight: 400; color: var(--soft); padding: 0 .3em }
        h1 a { color: var(--link); text-decoration: none }
        .home { display: inline-block; width: 1.2em; overflow: hidden; text-indent: 2em; white-space: nowrap; vertical-align: -.22em; height: 1.2em; margin-right: .45em; background: currentColor; -webkit-mask: var(--i) center/contain no-repeat; mask: var(--i) center/contain no-repeat; --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path d='M12 3 2.5 11.200l1.300 1.500L5 11.700V20.500h5.500V15h3v5.500H19v-8.800l1.200 1 1.300-1.500z'/></svg>") }
        table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; overflow: hidden }
        th { padding: 0; text-align: left; font-size: .8125rem; font-weight: 500; border-bottom: 1px solid var(--line) }
        th a { display: block; padding: .65rem 1rem; color: var(--soft); text-decoration: none; white-space: nowrap }
        th[aria-sort] a { color: var(--text) }
        th[aria-sort=ascending] a::after { content: " \\2191" }
        th[aria-sort=descending] a::after { content: " \\2193" }
        td { padding: .55rem 1rem; border-bottom: 1px solid var(--line); color: var(--soft); vertical-align: top }
        tr:last-child td { border-bottom: 0 }
        tbody tr:hover { background: var(--hover) }
        td:first-child { padding: 0; width: 100%; overflow-wrap: anywhere }
        td:nth-child(n+2), th:nth-child(n+2) { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; font-size: .875rem; line-height: 1.7143 }
        th:nth-child(n+2) { font-size: .8125rem; line-height: inherit }
        td a { display: flex; gap: .75rem; padding: .55rem 1rem; color: var(--text); text-decoration: none; white-space: pre-wrap }
        td a::before { content: ""; flex: none; width: 1.25rem; height: 1.25rem; margin-top: .125rem; background: var(--c); -webkit-mask: var(--i) center/contain no-repeat; mask: var(--i) center/contain no-repeat }
        .dir a { font-weight: 600 }
        td a:hover, h1 a:hover { color: var(--link); text-decoration: underline; text-underline-offset: .2em }
        th a:hover { color: var(--link) }
        a:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; border-radius: .3rem }
        .sum { margin: .75rem 1rem; color: var(--soft); font-size: .875rem }
        section { margin: 1rem 0; padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; overflow-wrap: anywhere }
        pre { margin: 0; font: .875rem/1.6 ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; white-space: pre-wrap }
        .up { --c: var(--soft); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path d='M11 20V7.800l-5.600 5.600L4 12l8-8 8 8-1.400 1.400L13 7.800V20z'/></svg>") }
        .up a { color: var(--soft) }
        .dir { --c: var(--dir); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path d='M2 6.500A2.500 2.500 0 0 1 4.500 4h4.300c.7 0 1.300.300 1.800.700L12.400 6.500h7.100A2.500 2.500 0 0 1 22 9v8.500a2.500 2.500 0 0 1-2.500 2.500h-15A2.500 2.500 0 0 1 2 17.500z'/></svg>") }
        .bin { --c: var(--bin); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path fill-rule='evenodd' d='M6.500 2H14l6 6v12a2 2 0 0 1-2 2H6.500a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zM13 3.800V9h5.200z'/></svg>") }
        .txt { --c: var(--txt); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path fill-rule='evenodd' d='M6.500 2H14l6 6v12a2 2 0 0 1-2 2H6.500a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zM13 3.800V9h5.200zM8 12v1.500h8.500V12zm0 4v1.500h6V16z'/></svg>") }
        .pdf { --c: var(--pdf); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path fill-rule='evenodd' d='M6.500 2H14l6 6v12a2 2 0 0 1-2 2H6.500a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zM13 3.800V9h5.200zM8 12v6.500h1.700v-2h1.800a2.250 2.250 0 0 0 0-4.500zm1.700 1.500h1.600a.75.75 0 0 1 0 1.500H9.700z'/></svg>") }
        .code { --c: var(--code); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path fill-rule='evenodd' d='M4.500 3h15A2.500 2.500 0 0 1 22 5.500v13a2.500 2.500 0 0 1-2.500 2.500h-15A2.500 2.500 0 0 1 2 18.500v-13A2.500 2.500 0 0 1 4.500 3zM9.300 7.600 5 12l4.300 4.400 1.200-1.200L7.400 12l3.100-3.200zm5.400 0-1.200 1.200 3.100 3.200-3.100 3.200 1.200 1.200L19 12z'/></svg>") }
        .img { --c: var(--img); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path fill-rule='evenodd' d='M4.500 3h15A2.500 2.500 0 0 1 22 5.500v13a2.500 2.500 0 0 1-2.500 2.500h-15A2.500 2.500 0 0 1 2 18.500v-13A2.500 2.500 0 0 1 4.500 3zM5 18h14.200l-5-7.200-3.600 5-2-2.600zM8 6.700a1.900 1.900 0 1 0 0 3.800 1.900 1.900 0 0 0 0-3.800z'/></svg>") }
        .vid { --c: var(--vid); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path fill-rule='evenodd' d='M4.500 3h15A2.500 2.500 0 0 1 22 5.500v13a2.500 2.500 0 0 1-2.500 2.500h-15A2.500 2.500 0 0 1 2 18.500v-13A2.500 2.500 0 0 1 4.500 3zM9.500 7.500v9l7.500-4.500z'/></svg>") }
        .aud { --c: var(--aud); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path d='M9 5.200 20 3v12.800a3.200 3.200 0 1 1-2-3V7.500l-7 1.400v9.300a3.200 3.200 0 1 1-2-3z'/></svg>") }
        .zip { --c: var(--zip); --i: url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path fill-rule='evenodd' d='M3.500 3h17A1.500 1.500 0 0 1 22 4.500V8H2V4.500A1.500 1.500 0 0 1 3.500 3zM3 9.500h18v9a2.500 2.500 0 0 1-2.500 2.500h-13A2.500 2.500 0 0 1 3 18.500zM9 12v2h6v-2z'/></svg>") }
        @media (max-width: 34rem) {
        main { padding: 1rem .5rem 2rem }
        th a, td { padding-left: .4rem; padding-right: .4rem }
        td:first-child a, th:first-child a { padding-left: .7rem }
        td:nth-child(n+2) { font-size: .75rem; line-height: 2 }
        td:last-child, th:last-child a { padding-right: .7rem }
        td span { display: none }
        }

        """
}
