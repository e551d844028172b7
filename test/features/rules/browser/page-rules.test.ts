import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { layoutFaults } from '../../../peers/browser/page-layout.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

interface Config {
  readonly rules: readonly object[];
}

describeWith(['chromium'], 'the page of rules between cameras', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let door: string;
  let garden: string;
  beforeAll(async () => {
    const light = ['tt:WhiteLight|On', 'tt:WhiteLight|Off'];
    const cameras = [{}, { quirks: { ptz: 'full', commands: light } }] as const;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras })]);
    await box.claim();
    [door = '', garden = ''] = await box.adopt();
    await box.api('POST', `cameras/ptz/presets/${garden}`, { name: 'Front door' });
    await box.api('POST', `cameras/ptz/presets/${garden}`, { name: 'Pond' });
    await box.api('PATCH', `config/paths/patch/${door}`, {
      ...{ motionSource: 'stream', motionZones: ['Steps: 0,0 0.5,0 0.5,1 0,1'] },
    });
    await box.api('PATCH', `config/paths/patch/${garden}`, { record: 'no' });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });
  const saved = async () => (await box.api<Config>('GET', 'config/global/get')).rules;
  const write = (rules: readonly object[]) => box.api('PATCH', 'config/global/patch', { rules });
  /** `actions` are called `then` in the configuration. */
  const rule = (name: string, actions: readonly object[] = [{ record: true, path: garden, seconds: 60 }]) =>
    Object.fromEntries([
      ['name', name],
      ['when', { event: 'person', path: door }],
      ['then', actions],
      ['pause', '30s'],
    ]);
  const open = async (size: Size, theme: 'dark' | 'light' = 'dark', locale = 'en-GB') => {
    const visitor = await visit(viewer.browser, box, { size, theme, locale });
    await visitor.logIn('#/settings/rules');
    const { page } = visitor;
    const sheet = page.locator('.sheet');
    return {
      ...{ visitor, page, sheet },
      [Symbol.asyncDispose]: () => visitor[Symbol.asyncDispose](),
      /** Opens a word, and chooses an option of it. */
      choose: async (word: string, option: string) => {
        await sheet.locator(`[data-word="${word}"]`).click();
        await sheet.locator('.word-choice').getByRole('button', { name: option, exact: true }).click();
        await sheet.locator('.word-choice').waitFor({ state: 'detached' });
      },
      sentence: async () =>
        (await sheet.locator('.sentence-line > p:first-child').allTextContents()).map((line) => line.trim()),
      save: () => sheet.getByRole('button', { name: 'Save' }).click(),
    };
  };

  test.for(sizesInTurn())('on a %s a suggestion becomes a rule, and axe finds nothing', async (size) => {
    await write([]);
    await using opened = await open(size, size === 'phone' ? 'light' : 'dark');
    const { page, sheet, visitor, sentence, save } = opened;
    await page.getByText('No automations yet.').waitFor();
    const suggestion = page.getByRole('button', {
      name: 'When a person is seen at Front door, Garden turns to Front door for 30 seconds.',
    });
    await suggestion.waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await suggestion.click();
    await settled(page, '.sheet');
    expect(await sentence()).toEqual([
      'When a person is seen at Front door anywhere in the picture at any time,',
      'Garden turns to Front door for 30 seconds.',
      'Not again for 30 seconds.',
      'The automation is called Front door: Person.',
    ]);
    expect(await axeFindings(page)).toEqual([]);
    expect(await layoutFaults(page)).toEqual([]);
    await save();
    await sheet.waitFor({ state: 'detached' });
    await page.locator('.rule-state', { hasText: 'Front door: Person · Has not run yet' }).waitFor();
    // Now it is the rule.
    await expect.poll(() => suggestion.count()).toBe(1);
    expect(await saved()).toEqual([rule('Front door: Person', [{ preset: 'Front door', path: garden, seconds: 30 }])]);
    expect(visitor.complaints).toEqual([]);
  });

  test.for(sizesInTurn())('on a %s a rule is made word by word', async (size) => {
    await write([]);
    await using opened = await open(size);
    const { page, sheet, visitor, choose, sentence, save } = opened;
    await page.getByRole('button', { name: 'Add an automation' }).click();
    await settled(page, '.sheet');
    await save();
    await sheet.getByRole('alert').filter({ hasText: 'Add what is to happen.' }).waitFor();
    await choose('event', 'a vehicle is seen');
    await choose('zone', 'Steps');
    await sheet.locator('[data-word=time]').click();
    await sheet.getByRole('button', { name: 'Away', exact: true }).click();
    await sheet.getByRole('switch', { name: 'Only at certain hours' }).click();
    await sheet.getByLabel('From').fill('25:00');
    await sheet.getByRole('button', { name: 'Done' }).click();
    await choose('add', 'Record a camera');
    await save();
    await sheet.getByRole('alert').filter({ hasText: 'Enter a time.' }).waitFor();
    await sheet.getByRole('button', { name: /^Remove: / }).click();
    await sheet.locator('[data-word=time]').click();
    await sheet.getByLabel('From').fill('2130');
    await sheet.getByLabel('From').press('Tab');
    expect(await axeFindings(page)).toEqual([]);
    expect(await layoutFaults(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Done' }).click();
    await choose('add', 'Turn a camera');
    await choose('0.preset', 'Pond');
    await choose('add', 'Switch on a light, siren or relay');
    await sheet.locator('[data-word="1.seconds"]').click();
    await sheet.getByRole('button', { name: 'More' }).click();
    await sheet.getByRole('button', { name: 'Done' }).click();
    await sheet.locator('[data-word=add]').click();
    await sheet.getByRole('button', { name: 'Call an address' }).click();
    await sheet.getByRole('textbox', { name: 'Address' }).fill('house.example');
    await save();
    await sheet.getByRole('alert').filter({ hasText: 'begins with http://' }).waitFor();
    await sheet.locator('[data-word="2.url"]').click();
    await sheet.getByRole('textbox', { name: 'Address' }).fill('https://house.example/hook');
    await sheet.getByRole('textbox', { name: 'Address' }).press('Enter');
    expect(await sentence()).toEqual([
      'When a vehicle is seen at Front door in Steps between 21:30 and 06:00 while the mode is Away,',
      'Garden turns to Pond for 30 seconds,',
      'the light at Garden switches on for 45 seconds and',
      'the box calls house.example.',
      'Not again for 30 seconds.',
      'The automation is called Front door: Vehicle.',
    ]);
    expect(await axeFindings(page)).toEqual([]);
    await save();
    await sheet.waitFor({ state: 'detached' });
    expect(await saved()).toEqual([
      {
        ...rule('Front door: Vehicle', [
          { preset: 'Pond', path: garden, seconds: 30 },
          { output: expect.stringMatching(/^aux-/), path: garden, seconds: 45 },
          { url: 'https://house.example/hook' },
        ]),
        when: { event: 'vehicle', path: door, zone: 'Steps', modes: ['away'], hours: '21:30-06:00' },
      },
    ]);
    expect(visitor.complaints).toEqual([]);
  });

  test('what no camera can do is not offered, and the page says why', async () => {
    await write([]);
    await using opened = await open('phone');
    const { page, sheet } = opened;
    await page.route('**/v3/cameras/{outputs/list,ptz/presets}/*', (route) => route.fulfill({ json: { items: [] } }));
    await page.reload();
    await page.getByRole('button', { name: 'Add an automation' }).click();
    await sheet.getByText('No camera that answers has a preset to turn to.').waitFor();
    await sheet.getByText('No camera that answers has a light, siren or relay.').waitFor();
    const offered = await sheet.locator('.word-choice').getByRole('button').allTextContents();
    expect(offered).toEqual(['Record a camera', 'Call an address', 'Run a command']);
    const suggestions = page.getByRole('button', { name: /^When a person/, includeHidden: true });
    await expect.poll(() => suggestions.count()).toBe(1);
    await page
      .getByText('Persons, vehicles and animals need a camera that detects them')
      .waitFor({ state: 'attached' });
  });

  test.for(sizesInTurn())('on a %s a rule runs at once, and says until when', async (size) => {
    // One of the same name that has just run would still pause.
    const name = `Garden records ${randomUUID().slice(0, 4)}`;
    await write([rule(name)]);
    await using opened = await open(size);
    const { page } = opened;
    await page.getByRole('button', { name: `Run now: ${name}` }).click();
    await page.locator('.rule-state', { hasText: 'Running until' }).waitFor();
    await page.getByRole('button', { name: `Run now: ${name}` }).click();
    await page.getByText('It cannot run again yet. Try again in').waitFor();
    await page.getByRole('button', { name: `Stop: ${name}` }).click();
    await page.locator('.rule-state', { hasText: 'Ran:' }).waitFor();
  });

  test('a rule that is run and fails says at once which camera did not do it, and why', async () => {
    await write([rule('Garden records')]);
    await using opened = await open('phone');
    const { page } = opened;
    const results = [{ path: garden, problem: 'the disk is full' }];
    await page.route('**/v3/rules/run/*', (route) => route.fulfill({ json: { results } }));
    await page.getByRole('button', { name: 'Run now: Garden records' }).click();
    await page.locator('.toast', { hasText: 'Garden did not do it. Reason: the disk is full' }).waitFor();
  });

  test('in a long list Enter chooses the first that is found, and no Enter or Esc of an input method', async () => {
    await write([rule('Mine')]);
    await using opened = await open('desktop');
    const { page, sheet, sentence } = opened;
    await page
      .getByRole('button', { name: /^When a person is seen/ })
      .first()
      .click();
    await settled(page, '.sheet');
    await sheet.getByRole('button', { name: 'a person is seen, what happens' }).click();
    const search = sheet.getByRole('searchbox');
    await search.fill('rings');
    for (const key of ['Enter', 'Escape']) {
      await search.dispatchEvent('keydown', { key, isComposing: true });
      await search.dispatchEvent('keydown', { key, keyCode: 229 });
    }
    await search.press('Enter');
    await expect.poll(async () => (await sentence())[0]).toContain('When someone rings at Front door');
    // A doorbell is in no zone.
    expect((await sentence())[0]).not.toContain('anywhere');
  });

  test.for(sizesInTurn())(
    'on a %s a draft stays while others change rules, and replaces none of theirs',
    async (size) => {
      await write([rule('Mine')]);
      await using opened = await open(size);
      const { page, sheet, choose, save, sentence } = opened;
      await page
        .getByRole('button', { name: /^When a person is seen/ })
        .first()
        .click();
      await settled(page, '.sheet');
      await choose('event', 'something moves');
      await write([rule('Mine'), rule('Theirs')]);
      await page.locator('.rule-state', { hasText: 'Theirs' }).waitFor({ state: 'attached' });
      expect((await sentence())[0]).toContain('something moves');
      await save();
      await sheet.waitFor({ state: 'detached' });
      const moved = { ...rule('Mine'), when: { event: 'motion', path: door } };
      expect(await saved()).toEqual([moved, rule('Theirs')]);

      await page.getByRole('button', { name: /^When something moves/ }).click();
      await settled(page, '.sheet');
      for (let i = 0; i < 5; i += 1) {
        await choose('add', 'Record a camera');
      }
      await choose('event', 'a sound is heard');
      await write([rule('Mine', [{ record: true, path: door, seconds: 5 }]), rule('Theirs')]);
      await save();
      const message = sheet.getByText('This automation was just changed elsewhere.');
      await message.waitFor();
      const isInSight = (element: Element) => {
        const { left, top, height } = element.getBoundingClientRect();
        return document.elementFromPoint(left + 5, top + height / 2) === element;
      };
      await expect.poll(() => message.evaluate(isInSight)).toBe(true);
      await save();
      await sheet.waitFor({ state: 'detached' });
      const [mine, theirs] = await saved();
      const added = { record: true, path: garden, seconds: 30 };
      const actions = [{ ...added, seconds: 60 }, added, added, added, added, added];
      expect(mine).toEqual({ ...rule('Mine', actions), when: { event: 'sound', path: door } });
      expect(theirs).toEqual(rule('Theirs'));
    },
  );

  test('what the box says about a word is shown at the word', async () => {
    await write([rule('Mine')]);
    await using opened = await open('desktop');
    const { page, sheet, visitor, choose, save } = opened;
    await page
      .getByRole('button', { name: /^When a person is seen/ })
      .first()
      .click();
    await settled(page, '.sheet');
    await choose('event', 'something moves');
    const error = "rules[0].then[0].seconds: rule 'Mine': the disk is too small for it";
    await page.route('**/v3/config/global/patch', (route) =>
      route.fulfill({ status: 400, json: { status: 'error', error } }),
    );
    await save();
    await sheet
      .getByRole('alert')
      .filter({ hasText: 'The box does not accept this. the disk is too small for it' })
      .waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-word'));
    await expect.poll(focused).toBe('0.seconds');
    expect(await axeFindings(page)).toEqual([]);
    visitor.complaints.length = 0;
  });

  test('a word is opened, chosen and left by keys, and Esc closes its choice before the sheet', async () => {
    await write([rule('Mine')]);
    await using opened = await open('desktop');
    const { page, sheet, sentence } = opened;
    await page
      .getByRole('button', { name: /^When a person is seen/ })
      .first()
      .click();
    await settled(page, '.sheet');
    const word = sheet.getByRole('button', { name: 'a person is seen, what happens' });
    await word.focus();
    await page.keyboard.press('Enter');
    await sheet.locator('.word-choice').waitFor();
    await page.keyboard.press('Escape');
    await sheet.locator('.word-choice').waitFor({ state: 'detached' });
    await expect.poll(() => word.evaluate((one) => one === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await sheet.locator('.word-choice :focus').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await sentence())[0]).toContain('When a vehicle is seen');
    const changed = sheet.getByRole('button', { name: 'a vehicle is seen, what happens' });
    await expect.poll(() => changed.evaluate((one) => one === document.activeElement)).toBe(true);
  });

  test.for(sizesInTurn())('on a %s a rule is deleted, and Undo brings it back', async (size) => {
    await write([rule('Mine'), rule('Other')]);
    await using opened = await open(size);
    const { page } = opened;
    await page
      .getByRole('button', { name: /^When a person is seen/ })
      .first()
      .click();
    await settled(page, '.sheet');
    await page.getByRole('button', { name: 'Delete this automation' }).click();
    await page.getByRole('button', { name: 'Delete this automation' }).click();
    await until(async () => expect(await saved()).toEqual([rule('Other')]));
    await page.getByRole('button', { name: 'Undo' }).click();
    await until(async () => expect(await saved()).toHaveLength(2));
  });

  test('in Chinese the words have another order, also at 320 px', async () => {
    await write([{ ...rule('Mine'), when: { event: 'person', path: door, hours: '22:00-06:00' } }]);
    await using opened = await open('phone', 'light', 'zh-CN');
    const { page, sentence } = opened;
    await page.setViewportSize({ width: 320, height: 568 });
    await page
      .getByRole('button', { name: '22:00 至 06:00 之间，Front door 有人出现时，让 Garden 录像 60 秒。' })
      .click();
    await settled(page, '.sheet');
    expect(await sentence()).toEqual([
      '22:00 至 06:00 之间，Front door（画面任意位置）有人出现时，',
      '让 Garden 录像 60 秒。',
      '30 秒内不再运行。',
      '规则名称为“Mine”。',
    ]);
    await page.locator('[data-word=time]').click();
    await settled(page, '.word-choice');
    expect(await layoutFaults(page)).toEqual([]);
    expect(await axeFindings(page)).toEqual([]);
  });
});
