import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { settled, sightsOf, visit } from '../../../peers/browser/page-visit.ts';
import { byLength, describeWith, inShort } from '../../../peers/programs/peers.ts';

const NAMES = ['Attic', 'Barn', 'Cellar', 'Door', 'Entry', 'Fence', 'Gate', 'Hall', 'Ivy', 'Jetty'];
const PLACES = byLength(
  ['events', 'clips', 'cameras', 'modes', 'storage', 'system', 'https', 'people', 'notifications', 'log'],
  sightsOf([]).map(([name]) => name),
);

/** What the bar below hides: elements with the focus, and the end of the page. */
function behindBar(): string[] {
  const bar = document.querySelector('nav')?.getBoundingClientRect();
  if (!bar || bar.top < innerHeight / 2) {
    return ['there is no bar'];
  }
  const nameOf = (element: Element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`;
  const isBehind = (element: Element) => element.getBoundingClientRect().bottom > bar.top + 1;
  const CONTROLS = 'main :is(a[href], button, input, select, textarea, [tabindex="0"])';
  const all = [...document.querySelectorAll<HTMLElement>(CONTROLS)].filter((element) => element.checkVisibility());
  const hidden = [];
  for (const element of all) {
    scrollTo(0, 0);
    element.focus();
    if (document.activeElement === element && element.offsetHeight < bar.top && isBehind(element)) {
      hidden.push(`focus: ${nameOf(element)}`);
    }
  }
  document.querySelector<HTMLElement>(':focus')?.blur();
  scrollTo(0, document.documentElement.scrollHeight);
  const [last] = all.slice(-1);
  return last && isBehind(last) ? [...hidden, `end: ${nameOf(last)}`] : hidden;
}

describeWith(['chromium'], 'long pages on a phone', () => {
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    const paths = NAMES.map((name) => `  ${name.toLowerCase()}:\n    source: rtsp://127.0.0.1:1/${name}\n`).join('');
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ config: `paths:\n${paths}` })]);
    await box.claim();
    for (const name of NAMES) {
      await box.api('POST', 'users', { name, password: 'a wren in the hedge', cameras: 'all', recordings: true });
    }
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for(inShort([320, 390], '320'))(
    'at %d px nothing with the focus, and no end of a page, is behind the bar',
    async (width) => {
      await using visitor = await visit(viewer.browser, box, { size: 'phone' });
      const { page } = visitor;
      await page.setViewportSize({ width, height: 568 });
      await visitor.logIn('#/settings/cameras');
      const hidden: string[] = [];
      for (const [name, place, sign] of sightsOf([])) {
        if (PLACES.includes(name) && !['camera', 'recordings', 'live', 'add'].includes(name)) {
          await visitor.go(place);
          await settled(page, sign);
          hidden.push(...(await page.evaluate(behindBar)).map((one) => `${name}: ${one}`));
        }
      }
      expect(hidden).toEqual([]);
    },
  );

  test('at 320 px each place of the bar has an icon of its own and its whole name', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await page.setViewportSize({ width: 320, height: 568 });
    await visitor.logIn('#/settings/cameras');
    const places = await page.locator('nav a').evaluateAll((links) =>
      links.map((link) => ({
        icon: link.querySelector('svg')?.innerHTML ?? '',
        isWhole: link.scrollWidth <= link.clientWidth && link.clientWidth >= 44,
        iconPx: link.querySelector('svg')?.getBoundingClientRect().width,
      })),
    );
    expect(new Set(places.map(({ icon }) => icon)).size).toBe(4);
    expect(places.map(({ isWhole, iconPx }) => [isWhole, iconPx])).toEqual(Array(4).fill([true, 24]));
  });

  test('on a phone a sheet begins at its heading, and neither Esc nor the backdrop loses what was typed', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/settings/people');
    await page.getByRole('button', { name: 'Add a person' }).click();
    await settled(page, '.sheet');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H2');
    const field = page.locator('.sheet [name=name]');
    await field.fill('Kestrel');
    for (const close of [() => page.keyboard.press('Escape'), () => page.mouse.click(160, 10)]) {
      await close();
      await page.getByRole('alert').filter({ hasText: 'Discard' }).waitFor();
      await page.getByRole('button', { name: 'Keep editing' }).click();
      expect(await field.inputValue()).toBe('Kestrel');
    }
  });

  test('a keyboard on the screen has a field of the page or a sheet above it, and no bar', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    // As in Safari, which lays the keyboard over the page.
    await visitor.context.addInitScript(() => {
      const seen = Object.assign(new EventTarget(), { height: 844, offsetTop: 0, scale: 1 });
      Object.defineProperty(window, 'visualViewport', { value: seen });
    });
    await visitor.logIn('#/settings/system/log');
    await page.locator('.log-page [name=find]').focus();
    expect(await page.locator('nav').evaluate((nav) => getComputedStyle(nav).position)).toBe('static');
    await visitor.go('#/settings/people');
    await page.getByRole('button', { name: 'Add a person' }).click();
    await settled(page, '.sheet');
    await page.locator('.sheet [name=password]').focus();
    await page.evaluate(() => {
      Object.assign(window.visualViewport ?? {}, { height: 500 });
      window.visualViewport?.dispatchEvent(new Event('resize'));
    });
    const bottoms = await page.evaluate(() =>
      ['.sheet', '.sheet [name=password]'].map(
        (one) => document.querySelector(one)?.getBoundingClientRect().bottom ?? 0,
      ),
    );
    expect(Math.max(...bottoms)).toBeLessThanOrEqual(500);
    expect(await page.locator('.sheet').evaluate((sheet) => sheet.getBoundingClientRect().top)).toBeGreaterThanOrEqual(
      0,
    );
  });

  test.for([
    ['#/settings/cameras', 'Find a camera', '.camera-list'],
    ['#/settings/people', 'Search', '.persons .card'],
    ['#/settings/modes', 'Search', '.settings-page section:last-of-type .card'],
  ] as const)('the long list of %s has a search field', async ([place, label, list]) => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn(place);
    await page.getByRole('searchbox', { name: label }).first().fill('JETT');
    await page.locator(list, { hasText: 'Jetty' }).first().waitFor();
    expect(await page.locator(list).first().textContent()).not.toContain('Gate');
    await page.getByRole('searchbox', { name: label }).first().fill('nothing of this name');
    await page
      .getByText(/^(?:Nothing found\.|No camera with this name\.)$/)
      .first()
      .waitFor();
  });

  test('a choice of many cameras is a sheet with a search field', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/settings/system/log');
    await page.getByRole('button', { name: /^Camera: / }).click();
    const sheet = page.getByRole('dialog', { name: 'Camera' });
    await sheet.getByRole('searchbox').fill('fen');
    expect(await sheet.getByRole('button', { name: 'Gate' }).count()).toBe(0);
    await sheet.getByRole('button', { name: 'Fence' }).click();
    await page.getByRole('button', { name: 'Camera: Fence' }).waitFor();
  });

  test('what removes something has one colour', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    const colourOf = (text: string) =>
      page.getByRole('button', { name: text }).evaluate((button) => getComputedStyle(button).color);
    await visitor.logIn('#/settings/people');
    await page.getByRole('button', { name: 'Jetty' }).click();
    const person = await colourOf('Remove Jetty');
    await visitor.go('#/settings/cameras/attic');
    await page.getByRole('dialog', { name: 'Attic' }).waitFor();
    expect(await colourOf('Remove')).toBe(person);
    expect(person).toBe('rgb(255, 131, 121)');
  });
});
