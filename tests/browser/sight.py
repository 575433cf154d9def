"""What a person sees of a page, found by one command: each costs the browser more than the question."""

SEES = """
    const sees = (item) => {
        const { width, height } = item.getBoundingClientRect();
        return width > 0 && height > 0 && item.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    };
    """


def seen(driver, selector):
    """The elements that are of a size, not hidden, and not transparent."""
    return driver.execute_script(
        SEES + "return [...document.querySelectorAll(arguments[0])].filter(sees);", selector)


def is_shown(driver, selector):
    return driver.execute_script(
        SEES + "return [...document.querySelectorAll(arguments[0])].some(sees);", selector)


def shown_text(driver, selector):
    """Of the first element; "" while none is seen."""
    return driver.execute_script(
        SEES + "const item = document.querySelector(arguments[0]); return item && sees(item) ? item.innerText : '';", selector)
