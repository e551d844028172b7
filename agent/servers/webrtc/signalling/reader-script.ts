import { SESSION_SCRIPT } from './session-script.ts';

/**
 * `reader.js`: the class that other people's pages use to show a stream.
 * `onError` gets a sentence for people; the reader goes on trying by itself until `close()`. `onLeftOut` gets a list, possibly empty,
 * of the tracks that this browser does not get.
 */
export const READER_SCRIPT = `'use strict';

(() => {${SESSION_SCRIPT}
  class MediaMTXWebRTCReader extends Session {
    prepare(pc) {
      const { onTrack, onDataChannel } = this.options;
      pc.addTransceiver('video', { direction: 'recvonly' });
      pc.addTransceiver('audio', { direction: 'recvonly' });
      pc.ontrack = (event) => onTrack && onTrack(event);
      pc.ondatachannel = (event) => onDataChannel && onDataChannel(event);
    }

    onAnswered(response) {
      const { onLeftOut } = this.options;
      if (onLeftOut) {
        const header = response.headers.get('Perch-Left-Out');
        onLeftOut(header ? header.split(', ') : []);
      }
    }
  }

  window.MediaMTXWebRTCReader = MediaMTXWebRTCReader;
})();
`;
