"""Files, real and made, to the Parquet that training reads.

A room each for what goes in, none of which imports one that is named behind it:

- `spelling`: what a pickle does, as an expression, to opcodes and back;
- `gadgets`: what can be called, and with what;
- `honest`: what honest pickles hold, and where in them something else may stand;
- `attacks`: techniques around gadgets, and the honest twin of each;
- `files`: a pickle padded, put into a host, broken, wrapped into a format;
- `real`, `dumps`: honest and malicious files of public repositories, and honest ones of real libraries: commands that
  fill the folders which the configuration names, imported by nothing.

What builds is here. `recipe` takes all that decides one made file out of the first five rooms and renders it; `sources`
lists the real, dumped and made files; `rows` cuts a file into the columns of `schema`; `build` writes them, as `config`
says. Below them all are `splits`, and `draw`, whose random choices know their split.
"""
