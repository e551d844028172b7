import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../peers/browser/browser.ts';
import { OWNER_PASSWORD, startPageHarness } from '../peers/browser/page-harness.ts';
import { axeFindings, enterSetupCode, expectMoving, settled, sightsOf, visit } from '../peers/browser/page-visit.ts';
import { describeWith, inShort } from '../peers/programs/peers.ts';

const SHARED = { user: 'admin', password: 'heron' };
const OTHER = { user: 'admin', password: 'osprey' };
/** A name with markup, of more letters than fit, in three scripts. */
const ODD_NAME = `<img src=x onerror="document.title='broken'">${'long'.repeat(20)} الباب 🐦`;

let viewer: Viewer;
beforeAll(async () => {
  viewer = await startViewer();
});
afterAll(() => viewer[Symbol.asyncDispose]());

describeWith(['chromium'], 'the page, from the first start to every place of it', () => {
  test('a new box is claimed, finds two cameras with different passwords and shows them live', async () => {
    await using box = await startPageHarness({ cameras: [{ credentials: SHARED }, { credentials: OTHER }] });
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page, complaints } = visitor;
    await visitor.go('#/start');
    const own = page.getByLabel('Your password', { exact: true });
    await own.fill('password1');
    await page.getByText('Many people use this one.').waitFor();
    await own.fill('seven77');
    await page.getByText('Eight characters or more.').waitFor();
    await own.fill(OWNER_PASSWORD);
    await page.getByText('Long enough.').waitFor();
    // Its case does not matter.
    await enterSetupCode(page, box.app.accounts.setup?.code?.toLowerCase());
    await settled(page, '.entry-page');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Find my cameras' }).click();

    await page.getByRole('heading', { name: 'Two cameras found' }).waitFor();
    expect(await page.getByRole('checkbox', { name: /Front door|Garden/, checked: true }).count()).toBe(2);
    await settled(page, '.ticks');
    expect(await axeFindings(page)).toEqual([]);
    complaints.length = 0;
    await page.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await page.getByRole('button', { name: 'Add 2 cameras' }).click();

    await page.getByRole('heading', { name: 'One is live' }).waitFor();
    await page.getByText('Garden has a different password.').waitFor();
    await expectMoving(visitor, 1);
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Enter password' }).click();
    const sheet = page.getByRole('dialog', { name: 'Garden' });
    await sheet.getByLabel('Camera password', { exact: true }).fill('not this one');
    await sheet.getByRole('button', { name: 'Add one camera' }).click();
    await page.getByText('Garden rejects this password.').waitFor();
    await page.getByText('After 2 more attempts some cameras lock for 30 minutes.').waitFor();
    expect(await page.getByRole('link', { name: 'Go to live' }).isEnabled()).toBe(true);

    await page.reload();
    await page.getByText('Garden rejects this password.').waitFor();
    await page.getByRole('button', { name: 'Enter password' }).click();
    await sheet.getByLabel('Camera password', { exact: true }).fill(OTHER.password);
    await sheet.getByRole('button', { name: 'Add one camera' }).click();
    await page.getByRole('heading', { name: 'Two are live' }).waitFor();
    await expectMoving(visitor, 2);
    await page.getByText('Recordings are kept for 30 days.').waitFor();

    await page.getByRole('button', { name: 'Garden', exact: true }).click();
    await page.getByLabel('Name', { exact: true }).fill(ODD_NAME);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await box.api('POST', 'session', { password: OWNER_PASSWORD });
    const { items } = await box.api<{ items: { title: string }[] }>('GET', 'cameras/list');
    expect(items.map(({ title }) => title)).toEqual(['Front door', ODD_NAME]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.getByRole('link', { name: 'Go to live' }).click();
    await page.getByRole('navigation').waitFor();
    await expectMoving(visitor, 2);
    expect(await page.title()).toBe('Live · Perch');
    expect(complaints).toEqual([]);
    const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
    expect(kept).not.toMatch(/heron|osprey/);
  });

  const APPEARANCES = [
    ['phone', 'light'],
    ['desktop', 'dark'],
    ['phone', 'dark'],
    ['desktop', 'light'],
  ] as const;
  test.for(inShort(APPEARANCES, 'phone light'))(
    'every place on a %s, %s: nothing fails and axe finds nothing',
    async ([size, theme]) => {
      await using box = await startPageHarness({ cameras: [{}, {}] });
      await box.claim();
      const cameras = await box.adopt();
      await using visitor = await visit(viewer.browser, box, { size, theme });
      const { page, complaints } = visitor;
      await visitor.logIn();
      for (const [name, place, sign] of sightsOf(cameras)) {
        await visitor.go(place);
        await settled(page, sign);
        expect(await axeFindings(page), name).toEqual([]);
      }
      expect(complaints).toEqual([]);
    },
  );
});
