import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, expectMoving, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../../peers/programs/process.ts';
import { freeUdpPair } from '../../../support/base/free-port.ts';

const CAME = 'H.264 · 640 × 360';
const LIST = "Add one that isn't listed";

describeWith(['chromium', 'ffmpeg'], 'sources of other protocols than RTSP', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-sources-'));
  const programs: RunningProcess[] = [];
  let viewer: Viewer;
  let server: Agent;
  let rtmp: string;
  let hls: string;

  const ffmpeg = async (output: readonly string[]) => {
    const input = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', await smallClip(4), '-c', 'copy'];
    const program = startProcess('ffmpeg', [...input, ...output]);
    programs.push(program);
    return program;
  };

  beforeAll(async () => {
    const users = 'authInternalUsers: [{user: any, permissions: [{action: api}, {action: publish}, {action: read}]}]';
    const config = `api: yes\nrtmp: yes\n${users}\npaths:\n  garden:\n  attic:\n`;
    [viewer, server] = await Promise.all([startViewer(), startAgent({ config })]);
    rtmp = `rtmp://127.0.0.1:${server.ports.rtmp}/garden`;
    hls = `http://127.0.0.1:${server.ports.hls}/garden/index.m3u8`;
    await ffmpeg(['-f', 'flv', rtmp]);
    await until(async () => (await server.json<{ ready: boolean }>('/v3/paths/get/garden')).ready || undefined);
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    for (const program of programs) {
      await program.stop('SIGKILL');
    }
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const sourceOf = async (box: PageHarness, name: string) =>
    (await box.api<{ source: string }>('GET', `config/paths/get/${name}`)).source;

  test.for(sizesInTurn())(
    'on a %s an RTMP address is tested, the page shows what came, and the camera is added and plays',
    async (size) => {
      await using box = await startPageHarness();
      await box.claim();
      await using owner = await visit(viewer.browser, box, { size, isCalm: true });
      const { page, complaints } = owner;
      await owner.logIn('#/settings/cameras/add');
      await page.getByRole('button', { name: LIST }).click();
      const sheet = page.getByRole('dialog', { name: LIST });
      const address = sheet.getByLabel('Address', { exact: true });
      const test = sheet.getByRole('button', { name: 'Test', exact: true });
      await address.fill('rtmp://127.0.0.1:1/garden');
      expect(await sheet.getByLabel('Camera password').count()).toBe(0);
      await test.click();
      await sheet.getByRole('alert').waitFor();
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);
      await address.fill(rtmp);
      await test.click();
      await sheet.waitFor({ state: 'detached' });
      await page.locator('.ticks', { hasText: `Garden${CAME}` }).waitFor();
      await expect(sourceOf(box, 'garden')).rejects.toThrow('404');
      expect(await page.locator('[type=password]').count()).toBe(0);
      await page.getByRole('button', { name: 'Add one camera' }).click();
      await page.getByRole('heading', { name: 'One is live' }).waitFor();
      await expectMoving(owner, 1);
      expect(await sourceOf(box, 'garden')).toBe(rtmp);
      expect(complaints).toEqual([]);
    },
  );

  test.for(sizesInTurn())(
    'on a %s RTP needs its description; a test says that nothing was received, and it can be added all the same',
    async (size) => {
      await using box = await startPageHarness();
      await box.claim();
      await using owner = await visit(viewer.browser, box, { size, isCalm: true });
      const { page, complaints } = owner;
      await owner.logIn('#/settings/cameras/add');
      await page.getByRole('button', { name: LIST }).click();
      const sheet = page.getByRole('dialog', { name: LIST });
      const [port] = await freeUdpPair();
      await sheet.getByLabel('Address', { exact: true }).fill(`udp+rtp://127.0.0.1:${port}`);
      const test = sheet.getByRole('button', { name: 'Test', exact: true });
      await test.click();
      await sheet.getByText('RTP needs a description.').waitFor();
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);
      const sdp = sheet.getByLabel('Description (SDP)');
      await sdp.fill('v=0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n');
      await test.click();
      await sheet.getByText('Nothing was received.').waitFor();

      const file = join(folder, `${size}.sdp`);
      await ffmpeg(['-an', '-f', 'rtp', '-sdp_file', file, `rtp://127.0.0.1:${port}?pkt_size=1300`]);
      await until(() => (existsSync(file) && readFileSync(file, 'utf8').includes('rtpmap')) || undefined);
      await sdp.fill(readFileSync(file, 'utf8'));
      await sheet.getByRole('button', { name: 'Add it anyway' }).click();
      await page.locator('.ticks', { hasText: `UDP ${port}Not tested` }).waitFor();
      await page.getByRole('button', { name: 'Add one camera' }).click();
      await page.getByRole('heading', { name: 'One is live' }).waitFor();
      expect(complaints).toEqual([]);
    },
  );

  test.for(sizesInTurn())(
    'on a %s the source of a camera is changed after a test; one that fails changes nothing',
    async (size) => {
      await using box = await startPageHarness({ config: `paths:\n  pond:\n    source: '${rtmp}'\n` });
      await box.claim();
      await using owner = await visit(viewer.browser, box, { size, isCalm: true });
      const { page, complaints } = owner;
      await owner.logIn('#/settings/cameras/pond');
      await page.getByRole('button', { name: /^Source.*rtmp:/ }).click();
      const sheet = page.getByRole('dialog', { name: 'Source' });
      const address = sheet.getByRole('textbox', { name: 'Address' });
      await address.fill('nowhere');
      const test = sheet.getByRole('button', { name: 'Test', exact: true });
      await test.click();
      await sheet.getByText('Enter an address that starts with').waitFor();
      await address.fill(hls.replace('garden', 'attic'));
      await test.click();
      await sheet.getByRole('status').filter({ hasText: 'There is no video at this address.' }).waitFor();
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);
      expect(await sourceOf(box, 'pond')).toBe(rtmp);

      await address.fill(hls);
      await test.click();
      await sheet
        .getByRole('status')
        .filter({ hasText: `It works: ${CAME}` })
        .waitFor();
      expect(await axeFindings(page)).toEqual([]);
      expect(await sourceOf(box, 'pond')).toBe(rtmp);
      await sheet.getByRole('button', { name: 'Save', exact: true }).click();
      await sheet.waitFor({ state: 'detached' });
      expect(await sourceOf(box, 'pond')).toBe(hls);
      await page.getByRole('button', { name: /^Source.*index\.m3u8$/ }).waitFor();
      await page.getByRole('button', { name: 'Undo' }).click();
      await expect.poll(() => sourceOf(box, 'pond')).toBe(rtmp);
      expect(complaints).toEqual([]);
    },
  );
});
