/* commands.h: the subcommands of `accuracy`. Each gets its own name as argv[0]; returns the exit status, 2 for wrong
 * use. Called by main.c. */
#ifndef SJ_ACCURACY_COMMANDS_H
#define SJ_ACCURACY_COMMANDS_H

int search_command(int argc, char **argv);
int replay_command(int argc, char **argv);
int exp_command(int argc, char **argv);
int halves_command(int argc, char **argv);
int pool_command(int argc, char **argv);
int solve_command(int argc, char **argv);
int judge_command(int argc, char **argv);
int keep_command(int argc, char **argv);
int report_command(int argc, char **argv);

#endif
