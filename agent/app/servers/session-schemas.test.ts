import type { Static } from 'typebox';
import { expectTypeOf, test } from 'vitest';
import type { LiveSessionItem } from '../../servers/hls/live/live-server.ts';
import type { HlsMuxerItem } from '../../servers/hls/server/server.ts';
import type { HlsMuxer, HlsSession } from '../../servers/hls/sessions/session-kinds.ts';
import type { HlsSessionItem } from '../../servers/hls/sessions/sessions.ts';
import type { RtspConnItem, RtspSessionItem } from '../../servers/rtsp/session/api-items.ts';
import type { RtspConn, RtspSession } from '../../servers/rtsp/session/session-kinds.ts';
import type { WebRtcSessionItem } from '../../servers/webrtc/server/session-item.ts';
import type { WebRtcSession } from '../../servers/webrtc/session/session-kind.ts';

/** What the API's document knows of an item: the same names. */
type Names<T> = keyof T;

test('the document knows every field of what the servers list, and no other', () => {
  expectTypeOf<Names<Static<typeof RtspConn>>>().toEqualTypeOf<Names<RtspConnItem>>();
  expectTypeOf<Names<Static<typeof RtspSession>>>().toEqualTypeOf<Names<RtspSessionItem>>();
  expectTypeOf<Names<Static<typeof WebRtcSession>>>().toEqualTypeOf<Names<WebRtcSessionItem>>();
  expectTypeOf<Names<Static<typeof HlsMuxer>>>().toEqualTypeOf<Names<HlsMuxerItem>>();
  expectTypeOf<Names<Static<typeof HlsSession>>>().toEqualTypeOf<Names<HlsSessionItem> | Names<LiveSessionItem>>();
});

test('the fields are of the kinds that the document says', () => {
  expectTypeOf<RtspConnItem>().toExtend<Static<typeof RtspConn>>();
  // The list of its connections is one that only its own server changes.
  expectTypeOf<Omit<RtspSessionItem, 'conns'>>().toExtend<Omit<Static<typeof RtspSession>, 'conns'>>();
  expectTypeOf<WebRtcSessionItem>().toExtend<Static<typeof WebRtcSession>>();
  expectTypeOf<HlsMuxerItem>().toExtend<Static<typeof HlsMuxer>>();
  expectTypeOf<HlsSessionItem>().toExtend<Static<typeof HlsSession>>();
  expectTypeOf<LiveSessionItem>().toExtend<Static<typeof HlsSession>>();
});
