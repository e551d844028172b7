import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { OWNER_PASSWORD } from '../peers/browser/page-harness.ts';
import { settled, type Visit, visit } from '../peers/browser/page-visit.ts';
import { runProcess } from '../peers/programs/process.ts';
import type { House } from './house.ts';
import { PICTURES, type ReadmePicture, writeStamp } from './readme-stamps.ts';

const SIZES = { desktop: { width: 1240, height: 775 }, phone: { width: 390, height: 844 } } as const;
const PATIENCE_MS = 60_000;
const TOUR = { width: 1024, height: 640 };
/** Of the moving picture. */
const FPS = 8;
const MAX_TOUR_BYTES = 1_500_000;

/** Takes README's pictures, and stores from which sources of the page. @param wanted parts of their names; empty: all */
export async function takeReadmePictures(
  browser: Browser,
  house: House,
  folder: string,
  wanted: readonly string[],
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'perch-readme-'));
  try {
    for (const picture of PICTURES.filter(
      ({ file }) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
    )) {
      if (picture.place) {
        const png = join(work, 'picture.png');
        await takeOne(browser, house, picture, png);
        await encode(['-i', png, '-c:v', 'libwebp', '-quality', '82', join(folder, picture.file)]);
      } else {
        await filmTour(browser, house, work, join(folder, picture.file));
      }
      writeStamp(folder, picture);
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function takeOne(browser: Browser, house: House, picture: ReadmePicture, png: string): Promise<void> {
  const { size, theme, place = () => '', sign, keys = [] } = picture;
  await using visitor = await openPage(browser, house, { size, theme });
  const { page } = visitor;
  await page.setViewportSize(SIZES[size]);
  await page.goto(`${visitor.url}/${place(house)}`);
  await settled(page, sign);
  for (const key of keys) {
    await page.keyboard.press(key);
  }
  await allShown(page);
  await page.screenshot({ path: png });
}

async function openPage(
  browser: Browser,
  { box }: House,
  { size, theme }: Pick<ReadmePicture, 'size' | 'theme'>,
): Promise<Visit> {
  const visitor = await visit(browser, box, { size, theme, openBy: 'localhost' });
  visitor.page.setDefaultTimeout(PATIENCE_MS);
  await visitor.context.request.post(`${visitor.url}/v3/session`, {
    data: { password: OWNER_PASSWORD },
    headers: { 'Sec-Fetch-Site': 'same-origin' },
  });
  return visitor;
}

/** Waits until all visible pictures are there. @throws if one stays missing or dark */
async function allShown(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const seen = (element: Element) => {
      const { left, top, width, height } = element.getBoundingClientRect();
      const shown = document.elementFromPoint(left + width / 2, top + height / 2);
      return shown !== null && (element.closest('.row, li, .thumb')?.contains(shown) ?? true);
    };
    const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    /** Mean brightness, 0 to 255. */
    const brightness = (source: HTMLCanvasElement | HTMLVideoElement): number => {
      if (!pen || (source instanceof HTMLVideoElement && source.readyState < 2)) {
        return 0;
      }
      pen.clearRect(0, 0, 16, 9);
      pen.drawImage(source, 0, 0, 16, 9);
      const { data } = pen.getImageData(0, 0, 16, 9);
      return data.reduce((sum, value, i) => sum + (i % 4 < 3 ? value : 0), 0) / (data.length * 0.75);
    };
    const thumbnails = [...document.querySelectorAll<HTMLCanvasElement>('.thumb canvas')].filter(seen);
    const videos = [...document.querySelectorAll('video')].filter(
      (video) => seen(video) && !video.closest('.thumb, .camera-thumbnail'),
    );
    const isLate = document.querySelector('.tile:not(.live)') !== null;
    return !isLate && [...thumbnails, ...videos].every((source) => brightness(source) > 20);
  });
  // Players show their first pictures; controls fade in.
  await page.waitForTimeout(1_500);
}

/** Live, back in time, and a clip, as a moving picture. */
async function filmTour(browser: Browser, house: House, work: string, file: string): Promise<void> {
  await using visitor = await openPage(browser, house, { size: 'desktop', theme: 'dark' });
  const { page } = visitor;
  await page.setViewportSize(TOUR);
  let count = 0;
  const show = async (frames: number, between: (i: number) => Promise<void> = async () => {}) => {
    for (let i = 0; i < frames; i += 1) {
      await between(i);
      count += 1;
      await page.screenshot({ path: join(work, `tour-${String(count).padStart(3, '0')}.png`) });
    }
  };
  const [door = ''] = house.cameras;
  await page.goto(`${visitor.url}/#/live`);
  await settled(page, '.surface.playing');
  await allShown(page);
  await show(10);
  await page.locator('.tile').first().click();
  await settled(page, '.camera-view .surface.playing');
  await page.locator('.rewind [role=slider]').waitFor();
  await allShown(page);
  await page.mouse.move(TOUR.width / 2, TOUR.height / 3);
  await show(8);
  await slideBack(page, house, show);
  await page.goto(`${visitor.url}/#/rec/${door}?t=${new Date(house.guestMs + 20_000).toISOString()}`);
  await settled(page, '.recorded');
  await allShown(page);
  await show(8);
  await page.keyboard.press('c');
  await page.locator('.clip-tools, .clip-panel').first().waitFor();
  await show(14);
  const input = ['-framerate', String(FPS), '-i', join(work, 'tour-%03d.png')];
  await encode([
    ...input,
    '-vf',
    'scale=800:-2:flags=lanczos',
    '-c:v',
    'libwebp_anim',
    '-loop',
    '0',
    '-quality',
    '60',
    file,
  ]);
  const { size } = statSync(file);
  if (size > MAX_TOUR_BYTES) {
    throw new Error(`${file} has ${size} bytes, the limit is ${MAX_TOUR_BYTES}`);
  }
}

async function slideBack(
  page: Page,
  { guestMs }: House,
  show: (frames: number, between?: (i: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const box = await page.locator('.rewind [role=slider]').boundingBox();
  if (!box) {
    throw new Error('the last half hour is not shown');
  }
  const y = box.y + box.height / 2;
  const start = box.x + box.width * 0.9;
  const minutes = (Date.now() - guestMs) / 60_000 - 0.4;
  const distance = (minutes / 30) * box.width;
  await page.mouse.move(start, y);
  await page.mouse.down();
  await show(14, async (i) => {
    await page.mouse.move(start - distance * ((i + 1) / 14), y, { steps: 3 });
    await page.waitForTimeout(250);
  });
  await page.mouse.up();
  await page.waitForTimeout(1_500);
  await show(10);
}

async function encode(args: readonly string[]): Promise<void> {
  const { code, output } = await runProcess('ffmpeg', ['-v', 'error', '-y', ...args]);
  if (code !== 0) {
    throw new Error(`ffmpeg: ${output}`);
  }
}
