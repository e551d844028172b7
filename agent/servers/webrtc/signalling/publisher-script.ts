import { SESSION_SCRIPT } from './session-script.ts';

/**
 * `publisher.js`: a class for third-party pages that publishes a MediaStream. Codecs are named as in SDP or shorter
 * (`h264/90000`, `opus`), bitrates are in kbit/s; the browser chooses what is omitted. `onError` receives a readable
 * message and whether it is final: another publisher took the path, or the password is wrong.
 */
export const PUBLISHER_SCRIPT = `'use strict';

(() => {${SESSION_SCRIPT}
  const nameOf = (codec) => String(codec).toLowerCase().replace(/^(video|audio)\\//, '').split('/')[0];

  class MediaMTXWebRTCPublisher extends Session {
    prepare(pc) {
      const { stream, videoCodec, videoBitrate, audioCodec, audioVoice } = this.options;
      for (const track of stream.getTracks()) {
        const isVideo = track.kind === 'video';
        const sendEncodings = isVideo && videoBitrate > 0 ? [{ maxBitrate: videoBitrate * 1000 }] : undefined;
        if (!isVideo && 'contentHint' in track) {
          track.contentHint = audioVoice === false ? 'music' : 'speech';
        }
        const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings });
        this.prefer(transceiver, track.kind, isVideo ? videoCodec : audioCodec);
      }
    }

    /** The server selects the first supported codec. */
    prefer(transceiver, kind, wanted) {
      if (!wanted || !transceiver.setCodecPreferences) {
        return;
      }
      const codecs = (RTCRtpSender.getCapabilities(kind) || { codecs: [] }).codecs;
      const isWanted = (codec) => nameOf(codec.mimeType) === nameOf(wanted);
      if (codecs.some(isWanted)) {
        transceiver.setCodecPreferences([...codecs.filter(isWanted), ...codecs.filter((codec) => !isWanted(codec))]);
      }
    }

    /** Set after the codec is known: G.711 has a single bitrate, and Chromium rejects an answer that needs another. */
    limitSound() {
      const { audioBitrate } = this.options;
      const sender = this.pc.getSenders().find(({ track }) => track && track.kind === 'audio');
      const parameters = sender && sender.getParameters();
      const codec = parameters && parameters.codecs[0];
      if (audioBitrate > 0 && codec && nameOf(codec.mimeType) === 'opus' && parameters.encodings.length > 0) {
        parameters.encodings[0].maxBitrate = audioBitrate * 1000;
        sender.setParameters(parameters).catch(() => {});
      }
    }

    onConnected() {
      this.limitSound();
      const { onConnected } = this.options;
      if (onConnected) {
        onConnected();
      }
    }
  }

  window.MediaMTXWebRTCPublisher = MediaMTXWebRTCPublisher;
})();
`;
