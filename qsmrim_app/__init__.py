"""qsmrim: find chronic active (rim+) multiple sclerosis lesions on QSM and T2-FLAIR."""
