/** The page at `/{path}/`: one picture that fills the window, for people and for frames in other pages. All URLs are relative. */
export const PLAYER_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Live</title>
<style>
  html, body { margin: 0; height: 100%; background: #000; }
  video { width: 100%; height: 100%; display: block; object-fit: contain; }
  p { position: fixed; inset: auto 0 12% 0; margin: auto; max-width: 34em; padding: .6em 1em; box-sizing: border-box;
      color: #fff; background: #000a; font: 16px/1.4 system-ui, sans-serif; text-align: center; border-radius: .4em; }
  p:empty { display: none; }
</style>
</head>
<body>
<video id="video"></video>
<p id="message" role="status"></p>
<script src="reader.js"></script>
<script>
'use strict';
const video = document.getElementById('video');
const message = document.getElementById('message');
const query = new URLSearchParams(location.search);
const flag = (name, byDefault) => {
  const value = (query.get(name) || '').toLowerCase();
  return ['1', 'yes', 'true'].includes(value) || (byDefault && !['0', 'no', 'false'].includes(value));
};

video.controls = flag('controls', true);
video.muted = flag('muted', true);
video.autoplay = flag('autoplay', true);
video.playsInline = flag('playsinline', true);
video.disablePictureInPicture = flag('disablepictureinpicture', false);

const say = (text) => { message.textContent = text; };
say('Connecting …');
video.addEventListener('playing', () => say(''));

const reader = new MediaMTXWebRTCReader({
  url: new URL('whep', location.href.replace(/[?#].*$/, '')) + location.search,
  onError: say,
  onTrack: ({ streams, track }) => {
    video.srcObject = streams[0] || new MediaStream([track]);
    if (video.autoplay) {
      video.play().catch((error) => {
        if (error.name === 'NotAllowedError') {
          say('Tap the picture to play it: this browser starts nothing with sound by itself.');
          video.addEventListener('click', () => video.play(), { once: true });
        }
      });
    } else if (message.textContent.startsWith('Connecting')) {
      say('');
    }
  },
});
addEventListener('pagehide', () => reader.close());
</script>
</body>
</html>
`;
