/**
 * The player at `/{path}/`. It loads two scripts next to it: hls.js, and near-live.js, which keeps playback near the
 * live edge (webui/player/session/near-live.ts). The query parameters controls, muted, autoplay, playsinline and
 * disablepictureinpicture (`=false` switches off) are MediaMTX's.
 */
export const PLAYER_PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Live</title>
<link rel="icon" href="data:,">
<style>
html, body { margin: 0; height: 100%; background: #000; color: #fff; font: 16px/1.5 system-ui, sans-serif; }
video { display: block; width: 100%; height: 100%; object-fit: contain; }
p { position: fixed; inset: auto 0 0 0; margin: 0; padding: 12px 16px; background: rgba(0, 0, 0, .75); }
p:empty { display: none; }
</style>
</head>
<body>
<video></video>
<p role="status"></p>
<script>
'use strict';
(() => {
  const RETRY_MS = 2000;
  const KEPT_BEHIND_S = 10;
  /** Playback rate that makes up for a busy moment, while more than a second is buffered. */
  const CATCH_UP_RATE = 1.1;
  const REASONS = { networkError: 'The connection was lost', mediaError: 'The picture cannot be decoded' };
  const load = (src) => new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = src;
    script.onload = script.onerror = resolve;
    document.head.append(script);
  });
  /** Come while the playlist does. */
  const libraries = Promise.all([load('hls.min.js'), load('near-live.js')]);
  const video = document.querySelector('video');
  const message = document.querySelector('p');
  const options = new URLSearchParams(location.search);
  const wants = (name) => !['false', '0', 'no'].includes(options.get(name) ?? 'true');
  const say = (text) => { message.textContent = text; };
  const source = window.ManagedMediaSource ?? window.MediaSource;

  /** Browsers without Opus are given its sound as FLAC. */
  const hasOpus = () => {
    const type = 'audio/mp4; codecs="opus"';
    return source ? source.isTypeSupported(type) : video.canPlayType(type) !== '';
  };
  const query = hasOpus() || options.has('audio') ? location.search : (location.search || '?') + '&audio=flac';
  const address = 'index.m3u8' + query.replace('?&', '?');

  const name = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '');
  document.title = name || 'Live';
  video.controls = wants('controls');
  video.muted = wants('muted');
  video.autoplay = wants('autoplay');
  video.playsInline = wants('playsinline');
  video.disablePictureInPicture = !wants('disablepictureinpicture');
  video.addEventListener('playing', () => say(''));

  const again = (text) => {
    say(text + ' Retrying\\u2026');
    setTimeout(start, RETRY_MS);
  };

  /** Requests first, so that a rejection is shown in the server's words. */
  const start = async () => {
    let playlist;
    try {
      const answer = await fetch(address, { cache: 'no-store' });
      playlist = await answer.text();
      if (!answer.ok) {
        let reason = playlist;
        try { reason = JSON.parse(playlist).error; } catch {}
        return again(sentence(reason || 'error ' + answer.status));
      }
    } catch {
      return again('The server cannot be reached.');
    }
    await libraries;
    play(playlist);
  };

  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + '.';

  const NAMES = { avc1: 'H.264', hvc1: 'H.265', av01: 'AV1', vp09: 'VP9', mp4a: 'AAC', opus: 'Opus', fLaC: 'FLAC' };

  /** The codecs of the stream that this browser has no decoder for, by their usual names. */
  const missing = (playlist) => {
    const codecs = (/CODECS="([^"]*)"/.exec(playlist)?.[1] ?? '').split(',').filter(Boolean);
    const cannot = source ? codecs.filter((codec) => !source.isTypeSupported('video/mp4; codecs="' + codec + '"')) : [];
    return cannot.map((codec) => NAMES[codec.split('.')[0]] ?? codec);
  };

  const play = (playlist) => {
    const cannot = missing(playlist);
    const useHls = window.Hls?.isSupported();
    if (cannot.length > 0) {
      say('This browser cannot play ' + cannot.join(' and ') + '. Try another browser, or set the camera to H.264.');
      if (useHls && cannot.includes('H.265')) {
        return;
      }
    }
    if (!useHls) {
      return playNative();
    }
    const hls = new Hls({
      lowLatencyMode: true,
      liveDurationInfinity: true,
      backBufferLength: KEPT_BEHIND_S,
      maxLiveSyncPlaybackRate: CATCH_UP_RATE,
    });
    let hasRecovered = false;
    hls.on(Hls.Events.ERROR, (_, { fatal, type, details }) => {
      if (!fatal) {
        return;
      }
      if (type === Hls.ErrorTypes.MEDIA_ERROR && !hasRecovered) {
        hasRecovered = true;
        return hls.recoverMediaError();
      }
      hls.destroy();
      console.warn('HLS ended: ' + details);
      again((REASONS[type] ?? 'The picture stopped') + '.');
    });
    const nearLive = window.perchNearLive && new perchNearLive.NearLive(hls, video);
    hls.on(Hls.Events.LEVEL_UPDATED, () => nearLive?.onPlaylist());
    hls.loadSource(address);
    hls.attachMedia(video);
    begin();
  };

  const playNative = () => {
    if (!video.canPlayType('application/vnd.apple.mpegurl')) {
      return say('This browser cannot play HLS: it has neither Media Source Extensions nor native HLS.');
    }
    video.onerror = () => again('The picture stopped (' + (video.error?.message || 'error ' + video.error?.code) + ').');
    video.src = address;
    begin();
  };

  const begin = () => {
    if (video.autoplay) {
      video.play().catch(() => { say('Tap the picture to start.'); video.onclick = () => video.play(); });
    }
  };

  start();
})();
</script>
</body>
</html>
`;
