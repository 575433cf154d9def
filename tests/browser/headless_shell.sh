#!/bin/sh
# Chromium without a user interface, which needs less of the processor. chromedriver(1) waits for a page, which this
# one opens only when it is given an address.
exec chromium-headless-shell "$@" about:blank
