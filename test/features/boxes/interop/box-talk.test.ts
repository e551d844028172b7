import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { A_LAW } from '../../../../agent/media/g711/decode.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, pairBox, startBox } from '../../../peers/agent/paired-boxes.ts';
import { startViewer } from '../../../peers/browser/browser.ts';
import { send } from '../../../peers/browser/webrtc-publisher.ts';
import { startGstCamera } from '../../../peers/cameras/camera.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! rtph264pay name=pay0 pt=96 )';
/** A tenth of a second that is louder than silence in any encoding: the browser's own microphone beeps. */
const isLoud = (file: string): boolean =>
  readFileSync(file).filter((code) => Math.abs(A_LAW[code] ?? 0) > 2_000).length > 800;

interface Item {
  readonly id: string;
  readonly path: string;
  readonly user: string;
  readonly state: string;
}
const itemsOf = async (agent: Agent, list: string): Promise<readonly Item[]> =>
  (await asOwner<{ readonly items: readonly Item[] }>(agent, 'GET', `/v3/${list}/list`)).items;
const talksOf = async (box: Agent) =>
  (await itemsOf(box, 'rtspsessions')).filter(({ state, user }) => state === 'publish' && user.startsWith('server:'));

describeWith(['chromium', 'gstreamer'], 'talking through a camera of a box', () => {
  test('with the right of its owner, one at a time, until it is taken back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-talk-'));
    const heard = join(folder, 'heard.alaw');
    await using camera = await startGstCamera({ '/gate': VIDEO }, { backChannel: heard });
    await using box = await startBox(['gate'], [], camera.url('/gate'));
    await using server = await startAgent({ isOwned: true });
    await pairBox(server, box);
    await using viewer = await startViewer();
    const context = await viewer.browser.newContext();
    const [name = '', value = ''] = (server.headers['cookie'] ?? '').split('=');
    await context.addCookies([{ name, value, url: server.url }]);
    const page = await context.newPage();
    await page.goto(`${server.url}/health`);
    const talk = () => send(page, { url: `${server.url}/webrtc/gate/talk`, audio: 'any', trickles: true });

    const refused = await (await talk()).report();
    expect([refused.status, refused.error]).toEqual([400, expect.stringContaining('does not let this server talk')]);
    expect(await itemsOf(box, 'pairedservers')).toMatchObject([{ live: true, recordings: true, talk: false }]);
    const [{ id: serverId }] = (await itemsOf(box, 'pairedservers')) as [Item];
    const grant = async (isGranted: boolean): Promise<void> => {
      await asOwner(box, 'PATCH', `/v3/pairedservers/${serverId}`, { talk: isGranted });
      const [{ id }] = (await itemsOf(server, 'boxes')) as unknown as [BoxAnswer];
      // The server asks once a minute, and when an owner adds cameras.
      await asOwner(server, 'PATCH', `/v3/boxes/${id}`, { cameras: 'all' });
    };
    await grant(true);

    const talking = await talk();
    expect(await talking.report()).toMatchObject({ status: 201, error: '' });
    await until(() => isLoud(heard) || undefined);
    expect(await talksOf(box)).toMatchObject([{ path: 'gate' }]);
    const second = await (await talk()).report();
    expect([second.status, second.error]).toEqual([400, expect.stringContaining('another speaker is talking')]);

    await grant(false);
    expect(await talksOf(box)).toEqual([]);
    await until(async () => ((await talking.report()).connection === 'connected' ? undefined : true));
    await grant(true);
    const again = await until(async () => {
      const next = await talk();
      return (await next.report()).status === 201 ? next : undefined;
    });
    await asOwner(box, 'DELETE', `/v3/pairedservers/${serverId}`);
    expect(await talksOf(box)).toEqual([]);
    await until(async () => ((await again.report()).connection === 'connected' ? undefined : true));
    await context.close();
    rmSync(folder, { recursive: true });
  });
});
