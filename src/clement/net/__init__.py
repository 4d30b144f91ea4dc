"""Adapters to the outside world behind the ports of `clement.policy`: clamd, the DNS. No decisions here."""
