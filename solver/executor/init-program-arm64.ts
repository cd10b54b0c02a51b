import {parseMachineCode} from './machine-code.ts';

/** `EM_AARCH64`. https://man7.org/linux/man-pages/man5/elf.5.html */
export const machineArm64 = 183;

/**
The loop of init-program.ts for arm64. Arguments are in x0 to x5, the number in x8, the result in x0; x19 holds the address of the entry. 0x500200 is `dataAddress` of elf.ts.

@see https://man7.org/linux/man-pages/man2/syscall.2.html
*/
export const listingArm64 = `
	52804013 | mov w19, #0x200
	72a00a13 | movk w19, #0x50, lsl #16
next:
	f9400268 | ldr x8, [x19]
	a9408660 | ldp x0, x1, [x19, #8]
	a9418e62 | ldp x2, x3, [x19, #24]
	a9429664 | ldp x4, x5, [x19, #40]
	d4000001 | svc #0x0
	b6f800e0 | tbz x0, #63, advance
	cb0003e0 | neg x0, x0
	f100fc1f | cmp x0, #0x3f
	540000c8 | b.hi report
	f9401e61 | ldr x1, [x19, #56]
	9ac02421 | lsr x1, x1, x0
	36000061 | tbz w1, #0, report
advance:
	91010273 | add x19, x19, #0x40
	17fffff3 | b next
report:
	52804001 | mov w1, #0x200
	72a00a01 | movk w1, #0x50, lsl #16
	cb010273 | sub x19, x19, x1
	d346fe73 | lsr x19, x19, #6
	a9bf03f3 | stp x19, x0, [sp, #-16]!
	52800060 | mov w0, #0x3 (the status descriptor)
	910003e1 | mov x1, sp
	52800202 | mov w2, #0x10
	52800808 | mov w8, #0x40 (write)
	d4000001 | svc #0x0
	52800fa0 | mov w0, #0x7d
	52800bc8 | mov w8, #0x5e (exit_group)
	d4000001 | svc #0x0
	d4200000 | brk #0x0
`;

/** The bytes of `listingArm64`. */
export const codeArm64 = parseMachineCode(listingArm64);
