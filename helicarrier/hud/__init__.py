"""The pages of the service: what is going on, each session, and why a number is what it is.

Pages are rendered here from what the reports and repositories say; the routes only fetch and send.
The tables hold every number, so each page serves without JavaScript; the plots are drawn by a
script that comes from the same service.
"""
