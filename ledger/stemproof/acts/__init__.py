"""What a person does with a ledger: begin, watch, say, anchor, pin, claim, verify.

Each module joins rooms below into one deed; the command line only parses and says.
"""
