"""What the page draws itself: the frames so far, the progress, and the face region on the portrait.

Pictures go into the page's own text, so that no file is made for them.
"""

import base64
import io

from PIL import Image, ImageDraw

from emo.face import REGION_SCALE, Portrait, mask_box
from emo.media import contact_sheet
from emo.media.image import shrunk
from emo.ui.frames import CELL, PREVIEW_SIDE, VideoPreview
from emo.ui.jobs import JobProgress, JobResult

COLUMNS = 6


def frames_html(clip: VideoPreview) -> str:
    """Two pictures: the newest frame, and the kept ones side by side."""
    sheet = contact_sheet(clip.kept, min(COLUMNS, len(clip.kept)), cell=(CELL, CELL))
    return (
        f'<div class="emo-frames"><img class="emo-newest" alt="the newest frame" src="{data_uri(clip.newest)}">'
        f'<img alt="the {clip.num_frames} frames so far" src="{data_uri(sheet)}"></div>'
    )


def progress_html(news: JobProgress | JobResult) -> str:
    """How far a generation is."""
    if isinstance(news, JobResult):
        length = news.num_frames / news.fps
        return f"<p>Done: {news.num_frames} frames, {length:.2f} s of video, in {news.seconds:.1f} s.</p>"
    if not news.steps:
        return "<progress></progress><p>Looking at the portrait and listening to the recording …</p>"
    text = f"Step {news.done} of {news.steps}, {news.frames} of {news.num_frames} frames"
    if news.done and news.seconds > 2:
        text += f", about {news.seconds / news.done * (news.steps - news.done):.0f} s left"
    return f'<progress value="{news.done}" max="{news.steps}"></progress><p>{text}</p>'


def drawn_region(portrait: Portrait, given: bool) -> Image.Image:
    """The picture, darker where it is not animated, with the face region's box; at most PREVIEW_SIDE pixels a side.

    given: whether the region was; else it is the face's own, REGION_SCALE times its box.
    """
    height, width = portrait.picture.shape[:2]
    crop = portrait.crop
    if not given and portrait.face is not None:
        box = portrait.face.box.scaled(REGION_SCALE)
    else:
        box = crop.to_image(mask_box(portrait.mask > 0))
    dark = Image.fromarray(portrait.picture // 3)
    left, top, right, bottom = max(crop.x0, 0), max(crop.y0, 0), min(crop.x1, width), min(crop.y1, height)
    dark.paste(Image.fromarray(portrait.picture[top:bottom, left:right]), (left, top))
    picture = shrunk(dark, PREVIEW_SIDE)
    x0, y0, x1, y1 = box.in_resized(picture.width / width)
    draw = ImageDraw.Draw(picture)
    corners = max(x0, 1), max(y0, 1), min(x1, picture.width - 2), min(y1, picture.height - 2)
    draw.rectangle(corners, outline="#ffb000", width=max(2, picture.width // 150))
    return picture


def corner_marked(picture: Image.Image, x: float, y: float) -> Image.Image:
    """A copy of the shrunk picture with a cross where its first corner was tapped, in the full picture's pixels."""
    small = shrunk(picture, PREVIEW_SIDE).copy()
    scale, arm = small.width / picture.width, small.width / 20
    x, y = x * scale, y * scale
    draw = ImageDraw.Draw(small)
    for line in ((x - arm, y, x + arm, y), (x, y - arm, x, y + arm)):
        draw.line(line, fill="#ffb000", width=max(2, small.width // 150))
    return small


def data_uri(picture: Image.Image) -> str:
    """A JPEG inside the address itself."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
