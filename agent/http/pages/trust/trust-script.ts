/**
 * Checks whether the browser trusts the box, shows the steps of one system, and offers to install the page.
 *
 * Over http it asks the https port which box answers: a browser that does not trust the certificate fails, whatever the reply. Over
 * https a browser may have been forced past its warning, and then rejects only the service worker.
 */
export const SCRIPT = `
'use strict';
const one = (id) => document.getElementById(id);
const [state, system, steps, installNow] = ['state', 'system', 'steps', 'install-now'].map(one);
const isSecure = location.protocol === 'https:';
const { port, box, things } = document.body.dataset;
const isTablet = /Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 0;
const thing = JSON.parse(things)[isTablet ? 'tablet' : document.body.dataset.thing];
const say = (element, text) => {
  const full = text.replaceAll('{}', thing);
  element.textContent = full.charAt(0).toUpperCase() + full.slice(1);
};
document.querySelectorAll('[data-text]').forEach((element) => say(element, element.dataset.text));

const DOWNLOADED = 'perch-trust-downloaded';
let isDownloaded = false;
try { isDownloaded = sessionStorage.getItem(DOWNLOADED) === box; } catch {}
const showSystem = () => document.querySelectorAll('[data-system]').forEach((element) => {
  const isFor = element.dataset.system === system.value;
  element.hidden = !isFor || (element.classList.contains('missed') && !(isDownloaded && state.dataset.is === 'no'));
});
if (system) {
  if (isTablet) system.value = 'ios';
  system.addEventListener('change', showSystem);
  document.querySelectorAll('.download').forEach((link) => link.addEventListener('click', () => {
    isDownloaded = true;
    try { sessionStorage.setItem(DOWNLOADED, box); } catch {}
  }));
}

const show = (is) => {
  if (state.dataset.is !== is) {
    state.dataset.is = is;
    say(state, state.dataset[is]);
    if (steps) steps.open = is !== 'yes';
  }
  document.querySelectorAll('[data-when]').forEach((element) => {
    const [when, scheme] = element.dataset.when.split(' ');
    element.hidden = !when.split('|').includes(is) || (scheme !== undefined && (scheme === 'https') !== isSecure);
  });
  if (system) showSystem();
};

const askOverHttp = async () => {
  try {
    const signal = AbortSignal.timeout ? AbortSignal.timeout(8000) : undefined;
    const where = 'https://' + location.hostname + ':' + port + '/trust/here';
    const answer = await (await fetch(where, { cache: 'no-store', credentials: 'omit', signal })).json();
    return answer.box === box ? 'yes' : 'another';
  } catch {
    return 'no';
  }
};
const askWorker = async () => {
  try {
    await navigator.serviceWorker?.register('shell-worker.js');
    return 'yes';
  } catch (error) {
    return /certificate/i.test(error.message) ? 'warned' : 'yes';
  }
};
let isAsking = false;
const check = async () => {
  if (!isAsking && state.dataset.is !== 'yes') {
    isAsking = true;
    show(await (isSecure ? askWorker() : askOverHttp()));
    isAsking = false;
  }
};
if (state) {
  const next = one('go-on');
  if (next) next.href = 'https://' + location.hostname + ':' + port + location.pathname + location.search;
  check();
  one('again').addEventListener('click', () => { state.dataset.is = 'checking'; say(state, state.dataset.checking); check(); });
  addEventListener('focus', check);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) check(); });
}

let prompt;
addEventListener('beforeinstallprompt', (event) => {
  event.preventDefault();
  prompt = event;
  if (installNow) installNow.hidden = false;
});
if (installNow) installNow.addEventListener('click', () => prompt.prompt());
addEventListener('appinstalled', () => {
  if (installNow) {
    installNow.hidden = true;
    one('installed').hidden = false;
  }
});
`;
