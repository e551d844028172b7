/** Common passwords, which the box rejects. */
const COMMONEST = new Set(
  `password password1 password12 password123 passw0rd p@ssw0rd p@ssword 12345678 123456789 1234567890 123123123
  11111111 00000000 88888888 66666666 87654321 987654321 0987654321 12341234 11223344 112233445566 147258369
  123654789 159753456 1q2w3e4r 1q2w3e4r5t 1qaz2wsx qwertyui qwertyuiop qwerty123 qwerty12 qwerty1234 asdfghjk
  asdfghjkl zxcvbnm123 abcd1234 abc12345 abcdefgh abcdefghi a1234567 a12345678 a123456789 aa123456 aa12345678
  admin123 admin1234 admin12345 administrator iloveyou sunshine princess football baseball superman starwars
  whatever trustno1 welcome1 letmein1 letmeinnow changeme changeme1 computer internet michelle jennifer
  raspberry camera123 camera1234 cameras1 woaini520 woaini1314 5201314520 perch123 perchperch testtest test1234`.split(
    /\s+/,
  ),
);

type Judgement = 'short' | 'common' | 'good';

/** Judges a new password by its length and frequency. */
export function judgePassword(password: string): Judgement {
  // The box's minimum.
  if ([...password].length < 8) {
    return 'short';
  }
  return COMMONEST.has(password.toLowerCase()) || /^(.)\1*$/u.test(password) ? 'common' : 'good';
}
