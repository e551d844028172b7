import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startPageBox } from '../page-box.ts';
import { startViewer } from '../peers/browser.ts';
import { type Sight, type Size, settled, sightsOf, visit } from '../peers/page-visit.ts';

/** Pictures of every place in both sizes and themes, for people to look through. The argument is the folder. */
const folder = resolve(process.argv[2] ?? join(import.meta.dirname, '../../screenshots'));
await mkdir(folder, { recursive: true });
await using viewer = await startViewer();

async function shoot(size: Size, theme: 'dark' | 'light', url: string, isOwned: boolean, places: readonly Sight[]) {
  await using visitor = await visit(viewer.browser, url, { size, theme });
  if (isOwned) {
    await visitor.logIn();
  }
  for (const [name, place, sign] of places) {
    await visitor.go(place);
    await settled(visitor.page, sign);
    await visitor.page.screenshot({ path: join(folder, `${name}-${size}-${theme}.png`) });
  }
}

const WAYS: readonly (readonly [Size, 'dark' | 'light'])[] = [
  ['phone', 'dark'],
  ['phone', 'light'],
  ['desktop', 'dark'],
  ['desktop', 'light'],
];
{
  await using fresh = await startPageBox();
  for (const [size, theme] of WAYS) {
    await shoot(size, theme, fresh.url, false, [['start', '#/start', 'form']]);
  }
}
await using box = await startPageBox({ cameras: Array.from({ length: 6 }, () => ({})) });
await box.claim();
const cameras = await box.adopt();
for (const [size, theme] of WAYS) {
  await shoot(size, theme, box.url, true, sightsOf(cameras));
}
process.stdout.write(`pictures are in ${folder}\n`);
