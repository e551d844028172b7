/**
 * The page at `/{path}/publish`: sends this device's camera, screen and microphone. Query parameters fill in the fields
 * by their ids. All URLs are relative.
 */
export const PUBLISHER_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Publish</title>
<style>
  html { color-scheme: dark; font: 16px/1.4 system-ui, sans-serif; }
  body { margin: 0 auto; max-width: 44em; padding: 1em; }
  video { width: 100%; max-height: 50vh; background: #000; object-fit: contain; border-radius: .4em; }
  form { display: grid; gap: .8em; grid-template-columns: repeat(auto-fit, minmax(9em, 1fr)); margin: 1em 0; }
  label { display: grid; gap: .2em; }
  label.check { grid-template-columns: auto 1fr; align-items: center; gap: .6em; }
  input, select, button { font: inherit; min-height: 2.75em; box-sizing: border-box; }
  input[type=checkbox] { min-height: 0; width: 1.5em; height: 1.5em; }
  input, select { width: 100%; min-width: 0; }
  input[type=checkbox] { width: 1.5em; }
  button { grid-column: 1 / -1; font-weight: 600; position: sticky; bottom: .5em; }
  #message { min-height: 1.4em; }
  [hidden] { display: none; }
</style>
</head>
<body>
<video id="video" muted autoplay playsinline></video>
<p id="message" role="status"></p>
<form id="form">
  <label>Picture <select id="video-device"></select></label>
  <label>Picture codec <select id="video-codec"></select></label>
  <label>Picture bitrate (kbit/s) <input id="video-bitrate" type="number" min="50" max="100000" value="10000"></label>
  <label>Pictures per second <input id="video-framerate" type="number" min="1" max="120" value="30"></label>
  <label>Width <input id="video-width" type="number" min="16" max="7680" value="1920"></label>
  <label>Height <input id="video-height" type="number" min="16" max="4320" value="1080"></label>
  <label>Sound <select id="audio-device"></select></label>
  <label>Sound codec <select id="audio-codec"></select></label>
  <label>Sound bitrate (kbit/s) <input id="audio-bitrate" type="number" min="6" max="510" value="32"></label>
  <label class="check"><input id="audio-voice" type="checkbox" checked> Clear up voices</label>
  <button id="publish" type="submit">Publish</button>
</form>
<button id="stop" type="button" style="width: 100%" hidden>Stop</button>
<script src="publisher.js"></script>
<script>
'use strict';
const VIDEO_CODECS = ['h264/90000', 'vp8/90000', 'vp9/90000', 'av1/90000', 'h265/90000'];
const AUDIO_CODECS = ['opus/48000', 'g722/8000', 'pcmu/8000', 'pcma/8000'];
const field = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const say = (text) => { field('message').textContent = text; };
const shortOf = (codec) => codec.toLowerCase().replace(/^(video|audio)\\//, '').split('/')[0];

let publisher = null;
let stream = null;
/** Keeps a phone awake while it sends. */
let wakeLock = null;

const addOption = (select, value, label) => {
  const option = document.createElement('option');
  option.value = value;
  option.textContent = label;
  select.append(option);
};

const fillDevices = async () => {
  const devices = navigator.mediaDevices.enumerateDevices ? await navigator.mediaDevices.enumerateDevices() : [];
  for (const [id, kind, name] of [['video-device', 'videoinput', 'Camera'], ['audio-device', 'audioinput', 'Microphone']]) {
    const select = field(id);
    const chosen = select.value;
    select.replaceChildren();
    const own = devices.filter((device) => device.kind === kind);
    own.forEach((device, i) => addOption(select, device.deviceId, device.label || name + (i > 0 ? ' ' + (i + 1) : '')));
    if (id === 'video-device' && navigator.mediaDevices.getDisplayMedia) {
      addOption(select, 'screen', 'Screen');
    }
    addOption(select, 'none', 'None');
    choose(select, chosen);
  }
};

const fillCodecs = () => {
  for (const [id, kind, known] of [['video-codec', 'video', VIDEO_CODECS], ['audio-codec', 'audio', AUDIO_CODECS]]) {
    const capabilities = RTCRtpSender.getCapabilities ? RTCRtpSender.getCapabilities(kind) : null;
    const names = capabilities ? capabilities.codecs.map((codec) => shortOf(codec.mimeType)) : known.map(shortOf);
    for (const codec of known.filter((one) => names.includes(shortOf(one)))) {
      addOption(field(id), codec, shortOf(codec).toUpperCase());
    }
  }
};

/** Selects the option by value, codec name or label. */
const choose = (select, wanted) => {
  const options = [...select.options];
  const found =
    options.find((option) => option.value === wanted) ||
    options.find((option) => wanted && (option.textContent === wanted || shortOf(option.value) === shortOf(wanted)));
  if (found) {
    select.value = found.value;
  }
};

const fillFromQuery = () => {
  for (const [id, value] of query) {
    const element = field(id);
    if (element instanceof HTMLSelectElement) {
      choose(element, value);
    } else if (element instanceof HTMLInputElement) {
      if (element.type === 'checkbox') {
        element.checked = ['1', 'yes', 'true', 'on'].includes(value.toLowerCase());
      } else {
        element.value = value;
      }
    }
  }
};

const exact = (id) => (field(id).value === '' ? {} : { deviceId: { exact: field(id).value } });

const openStream = async () => {
  const picture = {
    width: { ideal: Number(field('video-width').value) },
    height: { ideal: Number(field('video-height').value) },
    frameRate: { ideal: Number(field('video-framerate').value) },
  };
  const isVoice = field('audio-voice').checked;
  const sound = { echoCancellation: isVoice, noiseSuppression: isVoice, autoGainControl: isVoice };
  const video = field('video-device').value;
  const audio = field('audio-device').value === 'none' ? false : { ...exact('audio-device'), ...sound };
  if (video === 'none' && !audio) {
    throw new Error('Choose a picture or a sound.');
  }
  if (video !== 'screen') {
    return await navigator.mediaDevices.getUserMedia({
      video: video === 'none' ? false : { ...exact('video-device'), ...picture },
      audio,
    });
  }
  const screen = await navigator.mediaDevices.getDisplayMedia({ video: picture, audio: false });
  if (audio) {
    for (const track of (await navigator.mediaDevices.getUserMedia({ audio })).getAudioTracks()) {
      screen.addTrack(track);
    }
  }
  return screen;
};

const inWords = (error) => {
  switch (error.name) {
    case 'NotAllowedError':
      return 'This page was not allowed to use the camera, the screen or the microphone.';
    case 'NotFoundError':
      return 'This device has no such camera or microphone.';
    case 'NotReadableError':
      return 'The camera or microphone is in use by another program.';
    case 'OverconstrainedError':
      return 'The chosen camera or microphone is gone, or cannot do this.';
    default:
      return error.message;
  }
};

const stop = (text) => {
  if (publisher) {
    publisher.close();
    publisher = null;
  }
  for (const track of stream ? stream.getTracks() : []) {
    track.stop();
  }
  stream = null;
  if (wakeLock) {
    wakeLock.release().catch(() => {});
    wakeLock = null;
  }
  field('video').srcObject = null;
  field('form').hidden = false;
  field('stop').hidden = true;
  say(text);
};

const start = async () => {
  field('publish').disabled = true;
  say('Opening camera and microphone …');
  try {
    stream = await openStream();
  } catch (error) {
    say(inWords(error));
    return;
  } finally {
    field('publish').disabled = false;
  }
  for (const track of stream.getTracks()) {
    track.addEventListener('ended', () => stop('Stopped: the ' + (track.kind === 'video' ? 'picture' : 'sound') + ' has ended.'));
  }
  field('video').srcObject = stream;
  field('form').hidden = true;
  field('stop').hidden = false;
  say('Connecting …');
  publisher = new MediaMTXWebRTCPublisher({
    url: new URL('whip', location.href.replace(/[?#].*$/, '')) + location.search,
    stream,
    videoCodec: field('video-codec').value,
    videoBitrate: Number(field('video-bitrate').value),
    audioCodec: field('audio-codec').value,
    audioBitrate: Number(field('audio-bitrate').value),
    audioVoice: field('audio-voice').checked,
    onError: (text, isFinal) => (isFinal ? stop('Stopped: ' + text + '.') : say(text)),
    onConnected: () => say('Publishing.'),
  });
  if (navigator.wakeLock) {
    navigator.wakeLock.request('screen').then((lock) => {
      if (publisher) {
        wakeLock = lock;
      } else {
        // Stopped while it was requested.
        lock.release();
      }
    }).catch(() => {});
  }
  // Device names are available only with permission.
  fillDevices().catch(() => {});
};

field('form').addEventListener('submit', (event) => {
  event.preventDefault();
  start();
});
field('stop').addEventListener('click', () => stop('Stopped.'));
addEventListener('pagehide', () => stop(''));

if (navigator.mediaDevices && typeof RTCPeerConnection !== 'undefined') {
  fillCodecs();
  fillDevices().then(fillFromQuery, (error) => say(inWords(error)));
} else {
  field('publish').disabled = true;
  say('Browsers allow camera and microphone only on pages opened over https:// or on the box itself (localhost).');
}
</script>
</body>
</html>
`;
