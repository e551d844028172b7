export interface PtzQuirks {
  /** `none`: a fixed camera; `serviceOnly`: the service is listed and no profile has it; the default is all three axes. */
  ptz?: 'none' | 'serviceOnly' | 'panTilt' | 'full';
  /** Moves until Stop. */
  ignoresMoveTimeout?: boolean;
  /** Only the time that was given ends a move. */
  ignoresStop?: boolean;
  /** A move with Timeout is a fault. */
  refusesMoveTimeout?: boolean;
  /** A move or a stop that names Zoom is a fault. */
  refusesZoom?: boolean;
  status?: 'missing' | 'constant';
  presets?: 'none' | number;
  hasNoHome?: boolean;
}
