"""Pages inside of a notebook."""


def in_notebook(page: str, picture: str, alt: str, height: int) -> str:
    """Return the HTML that shows a page in a notebook, or a picture where pages are left out.

    Args:
        page: The page.
        picture: A PNG in base64.
        alt: What both show, in words that are safe in HTML.
        height: That of the page, in pixels.
    """
    safe = page.replace("&", "&amp;").replace("'", "&#39;")
    # The page covers the picture, except where notebooks are shown without scripts: pages are left out there.
    return (
        f"<div style='position: relative; min-height: {height}px'>"
        f"<img alt='{alt}' style='max-width: 100%' src='data:image/png;base64,{picture}'>"
        f"<iframe sandbox='allow-scripts' title='{alt}' srcdoc='{safe}' style='position: absolute; inset: 0; "
        f"width: 100%; height: {height}px; border: 0; background: white'></iframe></div>"
    )
