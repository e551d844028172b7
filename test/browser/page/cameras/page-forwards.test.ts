import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

describeWith(['chromium', 'ffmpeg'], 'the servers that a camera is forwarded to', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let server: Agent;

  beforeAll(async () => {
    const users =
      'authInternalUsers: [{user: pia, pass: s3cret, permissions: [{action: publish}]}, {user: any, permissions: [{action: api}]}]';
    [viewer, box, server] = await Promise.all([
      startViewer(),
      startPageHarness({ cameras: [{}] }),
      startAgent({ config: `${users}\npaths:\n  all_others:\n` }),
    ]);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const forward = async () =>
    (await box.api<{ forward: readonly { dest: string }[] }>('GET', 'config/paths/get/front_door')).forward;

  test.for(sizesInTurn())(
    'on a %s one is added, its state is shown, and it is removed; passwords are not shown',
    async (size) => {
      await box.api('PATCH', 'config/paths/patch/front_door', { forward: [] });
      await using owner = await visit(viewer.browser, box, { size });
      const { page, complaints } = owner;
      await owner.logIn('#/settings/cameras/front_door');
      await page.getByRole('button', { name: /^Forwarding.*To no server yet$/ }).click();
      const sheet = page.getByRole('dialog', { name: 'Forwarding' });
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);

      const add = async (dest: string) => {
        await sheet.getByRole('button', { name: 'Add a server' }).click();
        const form = page.getByRole('dialog', { name: 'Add a server' });
        await form.getByRole('textbox', { name: 'Address' }).fill(dest);
        await form.getByRole('button', { name: 'Add', exact: true }).click();
        return form;
      };
      const refused = await add('ftp://box/door');
      await refused.getByRole('status').filter({ hasText: "'ftp://' is not supported" }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      const url = server.rtspUrl('in');
      await refused.getByRole('textbox', { name: 'Address' }).fill(url.replace('//', '//pia:s3cret@'));
      await refused.getByRole('button', { name: 'Add', exact: true }).click();
      await refused.waitFor({ state: 'detached' });
      await sheet.getByRole('button', { name: new RegExp(`^${url}.*Sending, .* so far$`) }).waitFor();
      const published = async () => (await server.json<{ ready: boolean }>('/v3/paths/get/in')).ready || undefined;
      await until(() => published().catch(() => undefined));

      await (await add(server.rtspUrl('wrong').replace('//', '//pia:wrong@'))).waitFor({ state: 'detached' });
      const failing = sheet.getByRole('button', { name: /wrong.*No connection, retried every few seconds$/ });
      await failing.click();
      const item = page.getByRole('dialog', { name: /^127\.0\.0\.1:/ });
      await item.getByRole('status').filter({ hasText: 'destination rejected the password (401)' }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      expect(await page.locator('body').textContent()).not.toMatch(/s3cret|pia/);
      await item.getByRole('button', { name: 'Remove this server' }).click();
      await item.getByRole('status').filter({ hasText: 'It gets no more video.' }).waitFor();
      await item.getByRole('button', { name: 'Remove this server' }).click();
      await page.getByRole('status').filter({ hasText: 'Server removed.' }).waitFor();
      await failing.waitFor({ state: 'detached' });
      expect(await forward()).toMatchObject([{ dest: url }]);
      expect((await server.json<{ ready: boolean }>('/v3/paths/get/in')).ready).toBe(true);

      await page.goBack();
      await page.getByRole('button', { name: /^Forwarding.*To one server$/ }).waitFor();
      expect(complaints.filter((line) => !line.includes('400'))).toEqual([]);
    },
  );
});
