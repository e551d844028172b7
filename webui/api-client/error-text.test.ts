import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { chooseLanguage } from '../words/words.ts';
import { actionErrorText, savedText, saveErrorText } from './error-text.ts';
import { fetchJson, lastChange, RequestError } from './request.ts';

afterEach(async () => {
  vi.unstubAllGlobals();
});

const speak = async (code: 'en' | 'zh-CN') => {
  vi.stubGlobal('localStorage', { setItem: () => {} });
  vi.stubGlobal('document', { documentElement: {} });
  await chooseLanguage(code);
};

test.for([
  [400, 'x is wrong', undefined, 'Not saved. x is wrong'],
  [400, 'x is set by the environment variable X', 'byVariable', 'Not saved. An environment variable sets this.'],
  [409, 'this camera is paused', 'paused', 'Not saved. The camera is paused.'],
  [409, 'something new', 'aNewWord', 'Not saved. something new'],
  [403, 'not allowed', undefined, 'Not saved. Only the owner can do this.'],
  [500, 'internal error', undefined, 'Not saved. Something went wrong. See the log.'],
  [0, 'no answer', undefined, 'No answer. Check whether it was done before you try again.'],
] as const)(
  'an answer %d (%s, %s) is shown with its reason, and no answer as an outcome that is not known',
  async ([status, reason, why, said]) => {
    await speak('en');
    expect(saveErrorText(new RequestError(status, reason, undefined, why))).toBe(said);
  },
);

test('a failed action is not reported as not saved', async () => {
  await speak('en');
  expect(actionErrorText(new RequestError(409, 'busy', undefined, 'busy'))).toBe('Not done. Already in progress.');
  expect(actionErrorText(new RequestError(0, 'no answer'))).toMatch(/^No answer\./);
});

test("in Chinese, the box's English messages are marked as English", async () => {
  await speak('zh-CN');
  expect(saveErrorText(new RequestError(409, 'this camera is paused', undefined, 'paused'))).toBe(
    '未保存。摄像头已暂停。',
  );
  expect(saveErrorText(new RequestError(400, 'x is wrong'))).toMatchObject([
    '未保存。',
    { type: 'span', props: { lang: 'en', children: 'x is wrong' } },
  ]);
  await speak('en');
});

test('a broken configuration file has a link to it', async () => {
  const refusal = new RequestError(400, 'correct the configuration file: line 6', undefined, 'brokenFile');
  for (const [language, sentence, link] of [
    ['en', 'Not saved. There is a mistake in the configuration file. Correct it first.', 'Open the file'],
    ['zh-CN', '未保存。配置文件中有错误，需先改正。', '打开文件'],
  ] as const) {
    await speak(language);
    const props = { href: '#/settings/system/file', children: link };
    expect(saveErrorText(refusal)).toMatchObject([sentence, ' ', { type: 'a', props }]);
  }
  await speak('en');
});

test('each change says itself whether it is saved, whatever is saved at the same time', async () => {
  await speak('en');
  const headers = new Headers({ 'Perch-Unsaved': '/etc/perch.yml: mounted read-only' });
  const fetched = vi.fn();
  vi.stubGlobal('fetch', fetched);
  // Another suite of this worker may have loaded the session, which is asked for again when this changes.
  const { onOther } = lastChange;
  onTestFinished(() => void Object.assign(lastChange, { isUnsaved: false, onOther }));
  lastChange.onOther = () => {};
  const [inMemory, inFile] = [{ isUnsaved: false }, { isUnsaved: false }];
  fetched.mockResolvedValueOnce(Response.json({}, { headers })).mockResolvedValue(Response.json({}));
  await fetchJson('v3/cameras/order', { method: 'POST', body: {}, change: inMemory });
  await fetchJson('v3/events/seen', { method: 'POST', body: {}, change: inFile });
  expect([savedText(inMemory, 'Order saved.'), savedText(inFile, 'Order saved.'), savedText(inFile)]).toEqual([
    'In effect until the next restart, but not saved.',
    'Order saved.',
    'Saved.',
  ]);
});
