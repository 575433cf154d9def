#!/bin/sh
# Chromium without a user interface, which costs half of one with it. chromedriver(1) waits for a page, which this
# one opens only when it is given an address.
exec chromium-headless-shell "$@" about:blank
