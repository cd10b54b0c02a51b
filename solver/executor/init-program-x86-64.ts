import {parseMachineCode} from './machine-code.ts';

/** `EM_X86_64`. https://man7.org/linux/man-pages/man5/elf.5.html */
export const machineX8664 = 62;

/**
The loop of init-program.ts for x86_64. Arguments are in rdi, rsi, rdx, r10, r8 and r9, the number and the result in rax; rbx holds the address of the entry. 0x500200 is `dataAddress` of elf.ts.

@see https://man7.org/linux/man-pages/man2/syscall.2.html
*/
export const listingX8664 = `
	bb 00 02 50 00       | mov ebx, 0x500200
next:
	48 8b 03             | mov rax, [rbx]
	48 8b 7b 08          | mov rdi, [rbx+0x8]
	48 8b 73 10          | mov rsi, [rbx+0x10]
	48 8b 53 18          | mov rdx, [rbx+0x18]
	4c 8b 53 20          | mov r10, [rbx+0x20]
	4c 8b 43 28          | mov r8, [rbx+0x28]
	4c 8b 4b 30          | mov r9, [rbx+0x30]
	0f 05                | syscall
	48 85 c0             | test rax, rax
	79 13                | jns advance
	48 f7 d8             | neg rax
	48 83 f8 3f          | cmp rax, 0x3f
	77 10                | ja report
	48 8b 4b 38          | mov rcx, [rbx+0x38]
	48 0f a3 c1          | bt rcx, rax
	73 06                | jae report
advance:
	48 83 c3 40          | add rbx, 0x40
	eb c5                | jmp next
report:
	50                   | push rax
	48 81 eb 00 02 50 00 | sub rbx, 0x500200
	48 c1 eb 06          | shr rbx, 0x6
	53                   | push rbx
	bf 03 00 00 00       | mov edi, 0x3 (the status descriptor)
	48 89 e6             | mov rsi, rsp
	ba 10 00 00 00       | mov edx, 0x10
	b8 01 00 00 00       | mov eax, 0x1 (write)
	0f 05                | syscall
	bf 7d 00 00 00       | mov edi, 0x7d
	b8 e7 00 00 00       | mov eax, 0xe7 (exit_group)
	0f 05                | syscall
	0f 0b                | ud2
`;

/** The bytes of `listingX8664`. */
export const codeX8664 = parseMachineCode(listingX8664);
