/* services/user/mail/mail_message: how a mail is written, and what never becomes a header line. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "services/user/mail/mail_message.h"

static const struct mail_message plain = {
    .from = "messenger@example.org",
    .to = "ada@example.com",
    .subject = "Choose a new password",
    .text = "Hello\n\nhttps://x/#reset=1\n",
    .id = "0123abcd",
    .date_s = 1602158818,
};

/* The mail as text, owned by the caller. */
static char *write_mail(const struct mail_message *message)
{
    struct buffer out = { 0 };
    assert_int_equal(mail_message_write(message, &out), STATUS_OK);
    return buffer_take(&out, NULL);
}

static void assert_line(const char *mail, const char *line)
{
    if (strstr(mail, line) == NULL)
        fail_msg("no \"%s\" in:\n%s", line, mail);
}

static void a_plain_mail_is_written_as_it_is(void **state)
{
    (void)state;
    char *mail = write_mail(&plain);
    assert_string_equal(mail, "Date: Thu, 8 Oct 2020 12:06:58 +0000\r\n"
                              "From: <messenger@example.org>\r\n"
                              "To: <ada@example.com>\r\n"
                              "Message-ID: <0123abcd@example.org>\r\n"
                              "Subject: Choose a new password\r\n"
                              "MIME-Version: 1.0\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: 7bit\r\n"
                              "Auto-Submitted: auto-generated\r\n"
                              "\r\n"
                              "Hello\r\n\r\nhttps://x/#reset=1\r\n");
    free(mail);
}

static void a_subject_beyond_ascii_is_encoded_in_whole_characters(void **state)
{
    (void)state;
    struct mail_message message = plain;
    message.subject = "Mein neues Wort f\xC3\xBCr "
                      "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80";
    char *mail = write_mail(&message);
    assert_line(mail, "Subject: =?UTF-8?Q?=4D=65=69=6E=20=6E=65=75=65=73=20=57=6F=72=74=20=66?=\r\n"
                      " =?UTF-8?Q?=C3=BC=72=20=F0=9F=98=80=F0=9F=98=80=F0=9F=98=80?=\r\n"
                      " =?UTF-8?Q?=F0=9F=98=80?=\r\n");
    free(mail);
    message.subject = "=?UTF-8?Q?=0D=0A?=";
    mail = write_mail(&message);
    assert_null(strstr(mail, "Subject: =?UTF-8?Q?=0D"));
    free(mail);
}

static void a_text_beyond_ascii_is_quoted(void **state)
{
    (void)state;
    struct mail_message message = plain;
    message.text = "1 + 1 = 2 \n\xC3\xBC\t.\rx\n";
    char *mail = write_mail(&message);
    assert_line(mail, "Content-Transfer-Encoding: quoted-printable\r\n");
    assert_line(mail, "\r\n\r\n1 + 1 =3D 2=20\r\n=C3=BC=09.=0Dx\r\n");
    free(mail);
}

static void no_line_is_longer_than_allowed(void **state)
{
    (void)state;
    char text[2100];
    struct mail_message message = plain;
    for (size_t length = 990; length < 1010; length++) {
        memset(text, 'x', length);
        text[length] = '\0';
        message.text = text;
        char *mail = write_mail(&message), *line = mail;
        bool quoted = strstr(mail, "quoted-printable") != NULL;
        assert_int_equal(quoted, length > 998);
        for (char *end; (end = strstr(line, "\r\n")) != NULL; line = end + 2)
            assert_true(end - line <= (quoted ? 76 : 998));
        free(mail);
    }
}

static void assert_refused(struct mail_message message)
{
    struct buffer out = { 0 };
    assert_int_equal(mail_message_write(&message, &out), STATUS_INVALID_ARGUMENT);
    assert_int_equal(out.length, 0);
}

static void nothing_can_end_a_header_line(void **state)
{
    (void)state;
    static const char *const bad[] = { "\r\nBcc: a@b.c", "x\nBcc: a@b.c", "x\rBcc: a@b.c", "x\x01",
                                       "\x7f",           "\xff",          "a\xC3" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct mail_message message = plain;
        message.subject = bad[i];
        assert_refused(message);
        message = plain;
        message.to = bad[i];
        assert_refused(message);
        message = plain;
        message.from = bad[i];
        assert_refused(message);
    }
    struct mail_message message = plain;
    message.id = "a\r\nb";
    assert_refused(message);
    message = plain;
    message.text = "\xff";
    assert_refused(message);
    message = plain;
    message.from = "j\xC3\xB6rg@example.org";
    assert_refused(message);
}

static void a_subject_has_at_most_200_bytes(void **state)
{
    (void)state;
    char subject[MAIL_MESSAGE_SUBJECT_MAX + 2];
    struct mail_message message = plain;
    memset(subject, 'x', sizeof(subject) - 1);
    subject[sizeof(subject) - 1] = '\0';
    message.subject = subject;
    assert_refused(message);
    subject[sizeof(subject) - 2] = '\0';
    free(write_mail(&message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_mail_is_written_as_it_is),
        cmocka_unit_test(a_subject_beyond_ascii_is_encoded_in_whole_characters),
        cmocka_unit_test(a_text_beyond_ascii_is_quoted),
        cmocka_unit_test(no_line_is_longer_than_allowed),
        cmocka_unit_test(nothing_can_end_a_header_line),
        cmocka_unit_test(a_subject_has_at_most_200_bytes),
    };
    return cmocka_run_group_tests_name("mail_message", tests, NULL, NULL);
}
