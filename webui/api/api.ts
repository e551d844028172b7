import {
  type Answer,
  type ApiDocument,
  addressOf,
  curlOf,
  exampleOf,
  type Operation,
  type Parameter,
} from './document.ts';

/** Limit of an endless response. */
const SHOWN_CHARS = 20_000;

/** This page is `…/v3/docs`. */
const BASE = new URL('../', location.href).href;

type Child = Node | string;

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function show(api: ApiDocument): void {
  const main = document.getElementById('api');
  const filter = element('input', { type: 'search', placeholder: 'Filter', ariaLabel: 'Filter' });
  const shown = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationOf(method.toUpperCase(), path, operation)),
  );
  const groups = api.tags.map(({ name }) => {
    const inside = shown.filter(({ tags }) => tags[0] === name).map(({ box }) => box);
    return element('section', {}, element('h2', {}, name), ...inside);
  });
  filter.addEventListener('input', () => {
    const wanted = filter.value.toLowerCase();
    for (const { box, text } of shown) {
      box.hidden = !text.includes(wanted);
    }
    for (const group of groups) {
      group.hidden = [...group.querySelectorAll<HTMLElement>(':scope > details')].every(({ hidden }) => hidden);
    }
  });
  const about = element('p', { className: 'dim' }, `${api.info.version}, as `);
  about.append(element('a', { href: 'openapi.json' }, 'openapi.json'));
  main?.replaceChildren(element('h1', {}, 'Perch API'), about, filter, ...groups);
}

function operationOf(method: string, path: string, operation: Operation) {
  const { summary = '', tags = [] } = operation;
  const head = element(
    'summary',
    {},
    element('b', {}, method),
    ` ${path} `,
    element('span', { className: 'dim' }, summary),
  );
  const box = element('details', {}, head);
  // Rendered when opened.
  box.addEventListener('toggle', () => box.append(insideOf(method, path, operation)), { once: true });
  return { box, tags, text: `${method} ${path} ${summary}`.toLowerCase() };
}

function insideOf(
  method: string,
  path: string,
  { description, parameters = [], requestBody, responses }: Operation,
): HTMLElement {
  const fields = new Map(parameters.map((parameter) => [parameter.name, fieldOf(parameter)] as const));
  const schema = requestBody?.content['application/json']?.schema;
  const body =
    schema &&
    element('textarea', { rows: 6, value: JSON.stringify(exampleOf(schema), undefined, 2), spellcheck: false });
  const command = element('pre', {});
  const answer = element('pre', { hidden: true, ariaLive: 'polite' });
  const send = element('button', { type: 'submit' }, 'Send');
  const address = (): string => {
    const values = new Map([...fields].map(([name, { input }]) => [name, input.value] as const));
    return addressOf(BASE, path, parameters, values);
  };
  const showCommand = (): void => {
    command.textContent = curlOf(method, address(), body?.value);
  };
  const form = element('form', { className: 'inside' });
  form.append(
    ...(description ? [element('p', { className: 'dim' }, description)] : []),
    ...[...fields.values()].map(({ label }) => label),
    ...(body ? [element('label', {}, element('span', {}, 'Body'), body)] : []),
    ...(schema ? [schemaOf('What the body may have', schema)] : []),
    ...Object.entries(responses).map(([status, one]) => answerOf(status, one)),
    command,
    send,
    answer,
  );
  form.addEventListener('input', showCommand);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void tryOut(method, address(), body?.value, send, answer);
  });
  showCommand();
  return form;
}

function fieldOf({ name, description = '', required, schema }: Parameter) {
  const input = element('input', { name, required: required === true, placeholder: String(schema.default ?? '') });
  const about = description === '' ? name : `${name}: ${description}`;
  return { input, label: element('label', {}, element('span', {}, about), input) };
}

function answerOf(status: string, { description, content }: Answer): HTMLElement {
  const [type = '', { schema = {} } = {}] = Object.entries(content)[0] ?? [];
  return schemaOf(`${status}: ${description} (${type})`, schema);
}

function schemaOf(title: string, schema: object): HTMLElement {
  const inside = element('div', { className: 'inside' });
  const box = element('details', {}, element('summary', {}, title), inside);
  const write = () => inside.append(element('pre', {}, JSON.stringify(schema, undefined, 2)));
  box.addEventListener('toggle', write, { once: true });
  return box;
}

/** The running request of each button. */
const running = new Map<HTMLButtonElement, AbortController>();

async function tryOut(
  method: string,
  address: string,
  body: string | undefined,
  button: HTMLButtonElement,
  answer: HTMLElement,
): Promise<void> {
  const before = running.get(button);
  if (before) {
    before.abort();
    return;
  }
  const abort = new AbortController();
  running.set(button, abort);
  button.textContent = 'Stop';
  answer.hidden = false;
  answer.textContent = '…';
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const isWithBody = body !== undefined && method !== 'GET';
  try {
    const response = await fetch(address, { method, headers, signal: abort.signal, ...(isWithBody ? { body } : {}) });
    await write(response, answer);
  } catch (error) {
    answer.append(`\n${abort.signal.aborted ? 'stopped' : (error as Error).message}`);
  }
  running.delete(button);
  button.textContent = 'Send';
}

async function write(response: Response, answer: HTMLElement): Promise<void> {
  const status = `${response.status} ${response.statusText}\n`;
  if (response.headers.get('content-type')?.includes('json')) {
    answer.textContent = status + JSON.stringify(await response.json(), undefined, 2);
    return;
  }
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
    text = (text + chunk.value).slice(-SHOWN_CHARS);
    answer.textContent = status + text;
  }
  answer.textContent = status + text;
}

const response = await fetch('openapi.json');
if (response.ok) {
  show((await response.json()) as ApiDocument);
} else {
  document.getElementById('api')?.replaceChildren(`openapi.json: ${response.status} ${response.statusText}`);
}
