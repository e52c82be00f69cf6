"""The command where it is not installed: `python -m throughline VERB`."""

from throughline.main import main

if __name__ == "__main__":
    main()
