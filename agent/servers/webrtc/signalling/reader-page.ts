/**
 * The page at `/{path}/`: a video that fills the window, also for embedding, with a talk button where the camera has a
 * loudspeaker and the viewer may use it. All URLs are relative.
 */
export const READER_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Live</title>
<style>
  html, body { margin: 0; height: 100%; background: #000; }
  video { width: 100%; height: 100%; display: block; object-fit: contain; }
  p, button { color: #fff; background: #000a; font: 16px/1.4 system-ui, sans-serif; text-align: center; border-radius: .4em; }
  p { position: fixed; inset: auto 0 12% 0; margin: auto; max-width: 34em; padding: .6em 1em; box-sizing: border-box; }
  #note { inset: 1em 0 auto 0; font-size: 14px; }
  #stall { inset: auto auto 1em 1em; font-size: 14px; }
  p:empty, [hidden] { display: none; }
  button { position: fixed; top: 1em; right: 1em; min-width: 6em; min-height: 3em; padding: 0 1em; border: 1px solid #fff8; }
  button[aria-pressed=true] { background: #b00; }
</style>
</head>
<body>
<video id="video"></video>
<p id="note" role="status"></p>
<p id="message" role="status"></p>
<p id="stall" role="timer"></p>
<button id="talk" type="button" aria-pressed="false" hidden>Talk</button>
<script src="reader.js"></script>
<script>
'use strict';
const NOTE_MS = 8000;
const STALL_MS = 3000;
const video = document.getElementById('video');
const message = document.getElementById('message');
const note = document.getElementById('note');
const stall = document.getElementById('stall');
const talk = document.getElementById('talk');
const query = new URLSearchParams(location.search);
const flag = (name, byDefault) => {
  const value = (query.get(name) || '').toLowerCase();
  return ['1', 'yes', 'true'].includes(value) || (byDefault && !['0', 'no', 'false'].includes(value));
};
const endpoint = (name) => new URL(name, location.href.replace(/[?#].*$/, '')) + location.search;

video.controls = flag('controls', true);
video.muted = flag('muted', true);
video.autoplay = flag('autoplay', true);
video.playsInline = flag('playsinline', true);
video.disablePictureInPicture = flag('disablepictureinpicture', false);

const say = (text) => { message.textContent = text; };
say('Connecting …');
video.addEventListener('playing', () => say(''));

let noteTimer = 0;
const reader = new MediaMTXWebRTCReader({
  url: endpoint('whep'),
  onError: say,
  onLeftOut: (tracks) => {
    clearTimeout(noteTimer);
    note.textContent = tracks.length > 0 ? 'Not played here: ' + tracks.join(', ') : '';
    noteTimer = setTimeout(() => { note.textContent = ''; }, NOTE_MS);
  },
  onTrack: ({ streams, track }) => {
    video.srcObject = streams[0] || new MediaStream([track]);
    if (video.autoplay) {
      video.play().catch((error) => {
        if (error.name === 'NotAllowedError') {
          say('Tap the picture to play it: this browser does not start sound automatically.');
          video.addEventListener('click', () => video.play(), { once: true });
        }
      });
    } else if (message.textContent.startsWith('Connecting')) {
      say('');
    }
  },
});

/** A frozen picture can look like a quiet street: a note shows how long it has been still. */
let frames = 0;
let newestMs = performance.now();
setInterval(() => {
  const { totalVideoFrames } = video.getVideoPlaybackQuality();
  // Browsers decode nothing in the background; without a picture the message says why.
  const isExpected = video.videoWidth > 0 && !video.paused && !document.hidden && message.textContent === '';
  if (totalVideoFrames !== frames || !isExpected) {
    frames = totalVideoFrames;
    newestMs = performance.now();
  }
  const stillMs = performance.now() - newestMs;
  stall.textContent = stillMs >= STALL_MS ? 'No new picture for ' + Math.floor(stillMs / 1000) + ' s' : '';
}, 500);

let talking = null;
const setTalk = (label, isOn) => {
  talk.textContent = label;
  talk.setAttribute('aria-pressed', String(isOn));
};
const stopTalking = () => {
  if (talking) {
    talking.close();
    talking = null;
  }
  setTalk('Talk', false);
};

/** Runs after the first frame, so that video never waits for it. Browsers have no microphone on insecure pages. */
const offerTalking = async () => {
  if (!flag('talk', true) || !navigator.mediaDevices) {
    return;
  }
  // With this header a 401 opens no password dialog.
  const answer = await fetch(endpoint('talk'), { method: 'OPTIONS', headers: { 'X-Perch-UI': '1' } });
  talk.hidden = answer.headers.get('Perch-Talk') !== 'yes';
};
video.addEventListener('playing', () => offerTalking().catch(() => {}), { once: true });

/** Closes the microphone with the session. */
const openTalk = async () => {
  if (!window.MediaMTXWebRTCPublisher) {
    await new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.onload = resolve;
      script.onerror = () => reject(new Error('the server cannot be reached'));
      script.src = 'publisher.js';
      document.head.append(script);
    });
  }
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const publisher = new MediaMTXWebRTCPublisher({
    url: endpoint('talk'),
    stream,
    onError: (text) => {
      // No retry: the microphone must not open by surprise later.
      stopTalking();
      say(text.replace(/, retrying in some seconds$/, ''));
      setTimeout(() => say(''), NOTE_MS);
    },
    onConnected: () => setTalk('Stop talking', true),
  });
  return {
    close: () => {
      publisher.close();
      for (const track of stream.getTracks()) {
        track.stop();
      }
    },
  };
};
talk.addEventListener('click', async () => {
  if (talk.getAttribute('aria-pressed') === 'true' || talking) {
    stopTalking();
    return;
  }
  setTalk('Connecting …', false);
  talk.disabled = true;
  try {
    talking = await openTalk();
  } catch (error) {
    stopTalking();
    say(error.name === 'NotAllowedError' ? 'No access to the microphone. Allow it in the browser settings.' : error.message);
    setTimeout(() => say(''), NOTE_MS);
  } finally {
    talk.disabled = false;
  }
});

addEventListener('pagehide', () => {
  stopTalking();
  reader.close();
});
// Restored from the back/forward cache, without a reader.
addEventListener('pageshow', (event) => {
  if (event.persisted) {
    location.reload();
  }
});
</script>
</body>
</html>
`;
