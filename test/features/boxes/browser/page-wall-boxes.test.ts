import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../../peers/agent/agent.ts';
import { inviteServer, startBox } from '../../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, visit } from '../../../peers/browser/page-visit.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const AWAY = { timeout: 60_000 };

describeWith(['chromium', 'ffmpeg'], 'a wall with cameras of other boxes', () => {
  let viewer: Viewer;
  let server: PageHarness;
  let boxes: readonly Agent[] = [];
  const started = new AsyncDisposableStack();

  beforeAll(async () => {
    const camera = started.use(await startAgent({ config: 'api: yes\npaths:\n  stage:\n' }));
    started.use(await publishClip(camera, 'stage', await smallClip(10), { isEndless: true }));
    const of = (path: string) => startBox([path], [], camera.rtspUrl('stage'));
    boxes = await Promise.all([of('gate'), of('stable')]);
    boxes.forEach((box) => void started.use(box));
    [viewer, server] = await Promise.all([startViewer(), startPageHarness()]);
    started.use(viewer);
    started.use(server);
    await server.claim();
    for (const box of boxes) {
      await server.api('POST', 'boxes', { invitation: await inviteServer(box) });
    }
    const cameras = ['gate', 'stable'].map((path) => ({ path, size: path === 'gate' ? 'large' : 'small' }));
    await server.api('POST', 'layouts/replace/Hall', { kind: 'wall', cameras });
  });
  afterAll(() => started.disposeAsync());

  test('tiles are live; a box that hangs is named with its time, the other plays on, and it comes back', async () => {
    await using visitor = await visit(viewer.browser, server, { size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn('#/wall/Hall');
    const tile = (name: string) => page.locator('.wall .tile').filter({ has: page.getByText(name, { exact: true }) });
    await page.locator('.wall .surface.playing').nth(1).waitFor(AWAY);
    expect(visitor.complaints).toEqual([]);
    const pid = boxes[0]?.process.child;
    pid?.kill('SIGSTOP');
    try {
      await tile('Gate')
        .getByText(/^Offline since \d\d:\d\d/)
        .waitFor(AWAY);
      expect(await page.locator('.wall .tile').count()).toBe(2);
      await tile('Stable').locator('.surface.playing').waitFor();
      expect(await axeFindings(page)).toEqual([]);
    } finally {
      pid?.kill('SIGCONT');
    }
    await tile('Gate').locator('.surface.playing').waitFor(AWAY);
  });
});
