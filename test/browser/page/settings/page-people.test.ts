import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, type VisitOptions, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const NAME = 'Тётя Øyvind 李';

describeWith(['chromium'], 'the page about people', () => {
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}] })]);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  /** Also those that an earlier try of a test has left. */
  beforeEach(async () => {
    for (const list of ['users', 'guests', 'devicepasswords']) {
      const { items } = await box.api<{ items: readonly { name: string; id?: string }[] }>('GET', list);
      for (const { name, id = name } of items.filter((one) => one.name !== 'owner')) {
        await box.api('DELETE', `${list}/${encodeURIComponent(id)}`);
      }
    }
  });
  const open = (options: VisitOptions) => visit(viewer.browser, box, options);

  test.for(sizesInTurn())('a viewer who is added on a %s logs in and sees only the allowed camera', async (size) => {
    const name = `${NAME} ${size}`;
    await using owner = await open({ size });
    const { page } = owner;
    await owner.logIn('#/settings/people');
    await page.getByRole('button', { name: 'Add a person' }).click();
    const sheet = page.getByRole('dialog', { name: 'Add a person' });
    await sheet.getByLabel('User name').fill('<b>');
    await sheet.getByLabel('Password', { exact: true }).fill('password');
    await sheet.getByRole('button', { name: 'Front door' }).click();
    await sheet.getByRole('button', { name: 'Add a person' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Use letters, digits and spaces' }).waitFor();
    await sheet.getByLabel('User name').fill(name);
    expect(owner.complaints).toEqual([]);
    await sheet.getByRole('button', { name: 'Add a person' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Many people use this one.' }).waitFor();
    owner.complaints.length = 0;
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByLabel('Password', { exact: true }).fill('a wren in the hedge');
    await sheet.getByRole('button', { name: 'Add a person' }).click();
    await page
      .getByRole('status')
      .filter({ hasText: `${name} can log in now.` })
      .waitFor();
    await page
      .getByRole('button', { name: new RegExp(`^.?${name}`) })
      .filter({ hasText: 'Live only · Front door' })
      .waitFor();

    await using other = await open({ size });
    await other.go('#/live');
    await other.page.getByRole('button', { name: 'Use another name' }).click();
    await other.page.getByLabel('Your name').fill(name);
    await other.page.getByLabel('Your password').fill('a wren in the hedge');
    await other.page.getByRole('button', { name: 'Log in', exact: true }).click();
    await other.page.locator('.tile.live .surface.playing').waitFor();
    expect(await other.page.locator('.tile').count()).toBe(1);
    await other.page.getByRole('link', { name: 'Settings' }).click();
    await other.page.getByRole('button', { name: 'Logged-in browsers' }).click();
    await other.page.getByText('This browser ·').waitFor();
    expect(await other.page.getByRole('listitem').filter({ hasText: 'This browser' }).count()).toBe(1);
    expect(await axeFindings(other.page)).toEqual([]);

    await page.getByRole('button', { name: new RegExp(`^.?${name}`) }).click();
    const edited = page.getByRole('dialog', { name });
    await edited.getByRole('button', { name: `Remove ${name}` }).click();
    await edited.getByText('Press again to remove.').waitFor();
    await edited.getByRole('button', { name: `Remove ${name}` }).click();
    await page.getByRole('status').filter({ hasText: 'removed' }).waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('status').filter({ hasText: 'restored' }).waitFor();
    await page.getByRole('button', { name: new RegExp(`^.?${name}`) }).waitFor();
    await edited.waitFor({ state: 'detached' });
    // The viewer's devices are logged out all the same.
    await other.page.getByText('Log in again.').or(other.page.getByLabel('Your password')).first().waitFor();
    expect(owner.complaints).toEqual([]);
  });

  test('a viewer with live permission only finds no recordings, and the page requests none', async () => {
    const mine = { name: 'Wren', password: 'a wren in the hedge', cameras: 'all', recordings: false };
    await box.addUser(mine);
    const { items } = await box.api<{ items: readonly { name: string }[] }>('GET', 'paths/list');
    const name = items[0]?.name ?? '';
    await using other = await open({ size: 'desktop' });
    const { page } = other;
    await other.go('#/live');
    await page.getByRole('button', { name: 'Use another name' }).click();
    await page.getByLabel('Your name').fill('WREN ');
    await page.getByLabel('Your password').fill('a wren in the edge');
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByText('The owner of this box can give you a new password.').waitFor();
    expect(await page.getByText('npm').count()).toBe(0);
    await page.getByLabel('Your password').fill(mine.password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.locator('.tile.live .surface.playing').first().waitFor();
    other.complaints.length = 0;
    expect(await page.getByRole('link', { name: 'Recordings' }).count()).toBe(0);
    await other.go(`#/live/${name}`);
    await page.locator('.camera-view .surface.playing').waitFor();
    await other.go(`#/rec/${name}`);
    const refused = (words: string) => page.getByRole('heading', { name: words }).waitFor();
    const [oneCamera, all] = ['You can only watch this camera live.', 'You can only watch live.'];
    await refused(oneCamera);
    for (const [old, words] of [
      ['#/rec', all],
      ['#/events', all],
      ['#/clips', all],
      [`#/events/${name}`, oneCamera],
    ] as const) {
      await other.go('#/live');
      await page.locator('.tile.live').first().waitFor();
      await other.go(old);
      await refused(words);
      expect(await page.getByRole('button', { name: 'Notify me' }).count()).toBe(0);
    }
    await other.go(`#/rec/${name}`);
    await page.getByRole('link', { name: 'Go to live' }).click();
    await page.locator('.camera-view .surface.playing').waitFor();
    expect(other.complaints).toEqual([]);
  });

  test.for(sizesInTurn())('the owner sees on a %s what a viewer has watched', async (size) => {
    const name = `Heron ${size}`;
    await box.addUser({ name, password: 'a heron at the pond', cameras: 'all', recordings: false });
    await using other = await open({ size });
    await other.go('#/live');
    await other.page.getByRole('button', { name: 'Use another name' }).click();
    await other.page.getByLabel('Your name').fill(name);
    await other.page.getByLabel('Your password').fill('a heron at the pond');
    await other.page.getByRole('button', { name: 'Log in', exact: true }).click();
    await other.page.locator('.tile.live .surface.playing').first().waitFor();
    await other.page.getByRole('link', { name: 'Settings' }).click();
    await other.page.getByText('The owner can see which cameras you watch and when.').waitFor();

    await using owner = await open({ size });
    const { page } = owner;
    await owner.logIn('#/settings/people');
    await page.getByRole('link', { name: 'Viewing history' }).click();
    await page
      .locator('.views .row')
      .filter({ hasText: `${name} · Front door` })
      .first()
      .waitFor();
    await settled(page, '.views');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('link', { name: 'Back: People' }).click();
    await page.getByRole('button', { name: new RegExp(name) }).click();
    await page.getByRole('link', { name: `Viewing history of ${name}` }).click();
    await page.locator('.views .row').filter({ hasText: 'Live · ' }).first().waitFor();
    const shown = await page.locator('.views .row').allInnerTexts();
    expect(shown.filter((text) => !text.includes(name))).toEqual([]);
    await page.getByLabel('Person or device').selectOption({ label: 'Owner' });
    await page.waitForURL(/#\/settings\/people\/views\/owner$/);
    await page.getByLabel('Person or device').selectOption({ label: 'Everyone' });
    await page.locator('.views .row').filter({ hasText: name }).first().waitFor();
    expect(owner.complaints).toEqual([]);
  });

  test("a viewer's cameras are changed, and shown again as saved", async () => {
    await box.addUser({ name: 'Stable', password: 'a lark over the field', cameras: ['gone'] });
    await using owner = await open({ size: 'phone' });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/people');
    await page.getByRole('button', { name: /Stable/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Stable' });
    await sheet.getByRole('button', { name: 'Gone' }).click();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Choose at least one camera.' }).waitFor();
    await sheet.getByRole('button', { name: 'Garden' }).click();
    await sheet.getByRole('radio', { name: 'Live and recordings' }).check({ force: true });
    await sheet.getByRole('button', { name: 'Save' }).click();
    await page
      .getByRole('button', { name: /Stable/ })
      .filter({ hasText: 'Live and recordings · Garden' })
      .waitFor();
    const { items } = await box.api<{ items: readonly { name: string }[] }>('GET', 'users');
    expect(items.find(({ name }) => name === 'Stable')).toMatchObject({
      cameras: ['garden'],
      live: true,
      recordings: true,
    });
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('a link that is made on a %s opens its camera, until it is ended', async (size) => {
    await using owner = await open({ size });
    const { page } = owner;
    await owner.logIn('#/settings/people');
    await page.getByRole('button', { name: 'New guest link' }).click();
    const sheet = page.getByRole('dialog', { name: 'New guest link' });
    await sheet.getByRole('button', { name: 'Garden' }).click();
    await sheet.getByLabel('Guest name').fill(`Vet ${size} <i>`);
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Create link' }).click();
    await sheet.getByText('Anyone with it sees, live only: Garden.').waitFor();
    // Only phones share, and browsers let them over https only.
    const isSecure = await page.evaluate(() => isSecureContext);
    expect(await sheet.getByText('Sharing needs https.').count()).toBe(size === 'phone' && !isSecure ? 1 : 0);
    const link = await sheet.getByRole('textbox', { name: /^Link/ }).inputValue();
    expect(link).toMatch(new RegExp(`^${owner.url}/#/guest/`));
    await sheet.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('status').filter({ hasText: 'Link copied.' }).waitFor();
    const said = await page.locator('.toast').boundingBox();
    const foot = await sheet.locator('footer').boundingBox();
    expect((said?.y ?? 0) + (said?.height ?? 0), 'the buttons stay free').toBeLessThanOrEqual(foot?.y ?? 0);
    await sheet.getByRole('button', { name: 'Done' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await pasted(page)).toBe(link);
    await page.getByRole('button', { name: 'New guest link' }).click();
    await page.locator('.toast').waitFor({ state: 'detached', timeout: 2_000 });
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });

    await using guest = await open({ size });
    await guest.page.goto(link);
    await guest.page.locator('.surface.playing').waitFor();
    expect(await guest.page.getByRole('navigation').count()).toBe(0);

    await page.getByRole('button', { name: new RegExp(`Vet ${size}`) }).click();
    const made = page.getByRole('dialog', { name: new RegExp(`Vet ${size}`) });
    await made.getByText('expires tomorrow').waitFor();
    await made.getByRole('button', { name: 'Revoke link' }).click();
    await made.getByRole('button', { name: 'Revoke link' }).click();
    await page.getByRole('status').filter({ hasText: 'Link revoked.' }).waitFor();
    await guest.page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
    await guest.page.goto('about:blank');
    await guest.page.goto(link);
    await guest.page.getByText('This link has expired or was revoked.').waitFor();
    expect(owner.complaints).toEqual([]);
  });

  test.for(sizesInTurn())('a device password created on a %s plays, until it is revoked', async (size) => {
    await using owner = await open({ size });
    const { page } = owner;
    await owner.logIn('#/settings/people');
    await page.getByRole('button', { name: 'New device password' }).click();
    const sheet = page.getByRole('dialog', { name: 'New device password' });
    await sheet.getByRole('button', { name: 'Create password' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Enter a name.' }).waitFor();
    await sheet.getByLabel('Device', { exact: true }).fill(`TV ${size} <b>`);
    await sheet.getByRole('button', { name: 'Garden' }).click();
    await sheet.getByRole('button', { name: 'Play recordings' }).click();
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Create password' }).click();
    const made = page.getByRole('dialog', { name: `TV ${size} <b>` });
    const user = await made.getByLabel('User name').inputValue();
    const password = await made.getByRole('textbox', { name: /^Password/ }).inputValue();
    expect([user, password]).toEqual([`tv-${size}-b`, expect.stringMatching(/^[a-z2-9]{4}(-[a-z2-9]{4}){3}$/)]);
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await made.getByRole('button', { name: 'Copy password' }).click();
    await page.getByRole('status').filter({ hasText: 'Password copied.' }).waitFor();
    await made.getByRole('button', { name: 'Done' }).click();
    await made.waitFor({ state: 'detached' });

    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const status = async (path: string) =>
      (await fetch(`http://127.0.0.1:${box.port}/${path}`, { headers: { authorization } })).status;
    expect(await status('webrtc/garden/')).toBe(200);
    expect(await status('webrtc/front_door/')).toBe(401);
    const row = page.getByRole('button', { name: new RegExp(`TV ${size}`) });
    await row.filter({ hasText: 'Watch live, Play recordings · Garden' }).click();
    const device = page.getByRole('dialog', { name: `TV ${size} <b>` });
    await device.getByText(`User name: ${user}`).waitFor();
    await device.getByRole('button', { name: 'Revoke password' }).click();
    await device.getByText('Press again to revoke.').waitFor();
    await device.getByRole('button', { name: 'Revoke password' }).click();
    await page.getByRole('status').filter({ hasText: 'Password revoked.' }).waitFor();
    await row.waitFor({ state: 'detached' });
    expect(await status('webrtc/garden/')).toBe(401);
    expect(owner.complaints).toEqual([]);
  });

  test('a program with a page password is listed, and gets a device password instead', async () => {
    const authorization = `Basic ${Buffer.from(`owner:${OWNER_PASSWORD}`).toString('base64')}`;
    const answer = await fetch(`http://127.0.0.1:${box.port}/hls/garden/index.m3u8?cookieCheck=1`, {
      headers: { authorization },
    });
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
    await using owner = await open({ size: 'phone' });
    const { page } = owner;
    await owner.logIn('#/settings/people');
    const row = page.getByRole('button', { name: /Logs in with your page password over HLS from 127\.0\.0\.1/ });
    await row.filter({ hasText: 'Last:' }).click();
    const sheet = page.getByRole('dialog', { name: 'New device password' });
    await sheet.getByText('Create a device password').waitFor();
    await sheet.getByLabel('Device', { exact: true }).fill('Kitchen display');
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Create password' }).click();
    await page.getByRole('dialog', { name: 'Kitchen display' }).getByRole('button', { name: 'Done' }).click();
    await row.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: /Kitchen display/ }).waitFor();
    expect(owner.complaints).toEqual([]);
  });

  test('logging out the other devices keeps this one logged in', async () => {
    // The suite's own session ends, too.
    onTestFinished(async () => {
      await box.api('POST', 'session', { password: OWNER_PASSWORD });
    });
    await using owner = await open({ size: 'phone' });
    await using first = await open({ size: 'desktop' });
    await using second = await open({ size: 'desktop' });
    for (const one of [first, second, owner]) {
      await one.logIn('#/settings/people');
    }
    await owner.page.getByRole('button', { name: 'Logged-in browsers' }).click();
    await owner.page.getByRole('button', { name: 'Log out my other browsers' }).click();
    await owner.page.getByRole('status').filter({ hasText: 'Your other browsers are logged out.' }).waitFor();
    await first.page.getByText('Log in again.').waitFor();
    await second.page.getByText('Log in again.').waitFor();
    expect(await owner.page.getByText('This browser ·').count()).toBe(1);
    expect(owner.complaints).toEqual([]);
  });
});

/** The clipboard's text; a sheet that has just closed may take the focus again. */
async function pasted(page: Page): Promise<string> {
  await page.evaluate(() => {
    const area = document.createElement('textarea');
    area.id = 'pasted';
    document.body.append(area);
  });
  const area = page.locator('#pasted');
  await expect
    .poll(async () => {
      await area.focus();
      await page.keyboard.press('Control+A');
      await page.keyboard.press('Control+V');
      return area.inputValue();
    })
    .not.toBe('');
  const text = await area.inputValue();
  await area.evaluate((element) => element.remove());
  return text;
}
