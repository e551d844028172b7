export interface MediaQuirks {
  /** A profile with a higher bit rate has no stream any more; ONVIF keeps working. */
  losesStreamAboveKbps?: number;
  /** No texts on the picture. */
  hasNoOsd?: boolean;
  /** Privacy masks; absent: none. */
  masks?: 'polygons' | 'rectangles';
  /** `1`: no Media 2; `2`: only Media 2; `2 broken`: both are listed, and every call of Media 2 is a fault. */
  media?: '1' | '2' | '2 broken';
  /** Operations that one service does not have: a fault of its own subcode, one in words only with this status, or no service. */
  lacks?: readonly {
    readonly service: 'media' | 'media2';
    readonly operation: string;
    readonly answer: 'ActionNotSupported' | 'unknown words 400' | 'unknown words 500' | 404 | 405;
  }[];
  /** Elements that are left out of profiles and encoder configurations. */
  leavesOut?: readonly ('RateControl' | 'Resolution' | 'Bounds' | 'Multicast' | 'Name' | 'H264' | 'Quality')[];
  /** 25.000000 in the place of 25. */
  writesFloats?: boolean;
  /** One more profile, first in the list, that has only sound. */
  hasSoundOnlyProfile?: boolean;
  hasSound?: boolean;
  snapshot?: 'none' | 'hangs' | 'octet-stream';
  /** Says yes to SetSynchronizationPoint and does nothing. */
  ignoresKeyFrameRequests?: boolean;
  /** A change of an encoder is a fault. */
  refusesEncoderChanges?: boolean;
  /** Says yes to a change of an encoder and keeps what it has. */
  ignoresEncoderChanges?: boolean;
}
