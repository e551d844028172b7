/** A period of the day, which may pass midnight: `22:00-06:00`. */
export const HOURS = /^(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d$/;
