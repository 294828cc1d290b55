"""`python apps/deploy`, and the entry point of the MONAI Application Package."""

from patchseg_deploy.quiet import quiet

if __name__ == "__main__":
    quiet()
    # imported late: MONAI brings the SDK along, which reads its settings at once
    from patchseg_deploy.command import main

    main()
