import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { invitationLink } from '../../../../webui/features/boxes/box-data.ts';
import { type Agent, until } from '../../../peers/agent/agent.ts';
import { inviteServer, revokeAll, startBox } from '../../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const SIGN = '.other-boxes .button';

describeWith(['chromium'], 'boxes of a server on the page', () => {
  let viewer: Viewer;
  let server: PageHarness;
  let box: Agent;

  const boxesOf = async () => (await server.api<{ readonly items: readonly BoxAnswer[] }>('GET', 'boxes/list')).items;
  const shownHere = async () => {
    const [one] = await boxesOf();
    return (one?.cameras ?? []).flatMap(({ here }) => (here === null ? [] : [here]));
  };

  beforeAll(async () => {
    [viewer, server, box] = await Promise.all([
      startViewer(),
      startPageHarness({ config: 'paths:\n  door:\n    camera: { name: Door }\n' }),
      startBox(['gate', 'stable'], []),
    ]);
    await server.claim();
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())('on a %s a box is added with some of its cameras, then more, and removed', async (size) => {
    await using owner = await visit(viewer.browser, server, { size });
    const { page } = owner;
    await owner.logIn('#/settings/cameras');
    await page.getByRole('link', { name: /^Other boxes/ }).click();
    await settled(page, SIGN);
    await page.getByText('No box is paired.').waitFor();
    await page.getByRole('button', { name: 'Add a box' }).click();
    const field = page.getByRole('textbox', { name: 'Invitation' });
    await field.fill('perch://other');
    await page.getByRole('button', { name: 'Pair' }).click();
    await page.getByText('This is not an invitation. Copy all of it.').waitFor();
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await field.fill(await inviteServer(box));
    await page.getByRole('button', { name: 'Pair' }).click();
    // Both are chosen; one of them is left out.
    await page.getByRole('button', { name: 'Stable', pressed: true }).click();
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Add cameras' }).click();
    const row = page.locator('.other-boxes .row');
    await row.getByText('Connected · one camera · one more offered').waitFor();
    expect(await shownHere()).toEqual(['gate']);

    await row.click();
    await settled(page, '.sheet');
    await page.getByText('Shown here: Gate').waitFor();
    await page.getByRole('button', { name: 'Stable' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Farm');
    const addresses = page.getByRole('textbox', { name: 'Addresses' });
    const known = await addresses.inputValue();
    await addresses.fill(`${known}\nfarm.example`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('farm.example is not host:port').waitFor();
    await addresses.fill(`${known}\nfarm.example:8443`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.other-boxes .row', { hasText: 'Farm' }).getByText('Connected · 2 cameras').waitFor();
    expect(await shownHere()).toEqual(['gate', 'stable']);
    expect((await boxesOf())[0]).toMatchObject({
      name: 'Farm',
      addresses: [...known.split('\n'), 'farm.example:8443'],
    });

    // Live has them below the name of their box, and the server's own below.
    await page.goto(`${owner.url}/#/live`);
    await expect.poll(() => page.locator('main h2').allTextContents()).toEqual(['Farm', 'Other cameras']);
    await page.getByRole('button', { name: 'Farm' }).click();
    await expect.poll(() => page.locator('.tile').count()).toBe(2);
    await page.getByRole('button', { name: 'All' }).click();

    await page.goto(`${owner.url}/#/settings/cameras/boxes`);
    await row.click();
    await settled(page, '.sheet');
    await page.getByRole('button', { name: 'Remove box' }).click();
    await page.getByText(/^Its cameras disappear here/).waitFor();
    await page.getByRole('button', { name: 'Remove box' }).click();
    await page.getByText('No box is paired.').waitFor();
    expect(await boxesOf()).toEqual([]);
    // A publisher is missing, so that a tile has nothing to show.
    expect(owner.complaints.filter((complaint) => !/whep|live\.mp4|404/.test(complaint))).toEqual([]);
  });

  test('a link brings the invitation, which does not stay in the address; a used one is named', async () => {
    const invitation = await inviteServer(box);
    await using owner = await visit(viewer.browser, server, { size: 'phone' });
    const { page } = owner;
    await owner.logIn(invitationLink(invitation));
    const field = page.getByRole('textbox', { name: 'Invitation' });
    await expect.poll(() => field.inputValue()).toBe(invitation);
    expect(page.url()).not.toContain('secret');
    await page.getByRole('button', { name: 'Pair' }).click();
    await page.getByRole('button', { name: 'Add cameras' }).click();
    await page.locator('.other-boxes .row').getByText('Connected · 2 cameras').waitFor();
    await page.getByRole('button', { name: 'Add a box' }).click();
    await field.fill(invitation);
    await page.getByRole('button', { name: 'Pair' }).click();
    await page.getByText('This invitation was used or has expired. Create a new one on the box.').waitFor();
    // Rejected as intended.
    expect(owner.complaints.filter((complaint) => !/v3\/boxes/.test(complaint))).toEqual([]);
  });

  test('a camera of a box that is away says so since when, live, in the lists and in Chinese', async () => {
    await using owner = await visit(viewer.browser, server, { size: 'desktop' });
    await using chinese = await visit(viewer.browser, server, { size: 'phone', locale: 'zh-CN' });
    const { page } = owner;
    await owner.logIn();
    await revokeAll(box);
    await box[Symbol.asyncDispose]();
    await server.api('PATCH', `boxes/${(await boxesOf())[0]?.id}`, { cameras: 'all' });
    await until(async () => ((await boxesOf())[0]?.state === 'away' ? true : undefined));
    const tile = page.getByRole('link', { name: /^Gate, Offline since \d\d:\d\d, Why\?$/ });
    await tile.click();
    await page.getByText('The box of this camera does not answer.').waitFor();
    await page.goto(`${owner.url}/#/settings/cameras`);
    await page
      .locator('.camera-list .row', { hasText: 'Gate' })
      .getByText(/Offline since \d\d:\d\d/)
      .waitFor();
    await page.goto(`${owner.url}/#/settings/cameras/boxes`);
    const row = page.locator('.other-boxes .row');
    await row.getByText(/^Away since \d\d:\d\d · last seen \d\d:\d\d · 2 cameras$/).waitFor();
    await row.click();
    await page.getByText('Reported reason:').waitFor();
    await chinese.logIn('#/settings/cameras/boxes');
    await chinese.page
      .locator('.other-boxes .row')
      .getByText(/\d\d:\d\d 起无应答 · 最近连接 \d\d:\d\d · 2 个摄像头$/)
      .waitFor();
  });
});
