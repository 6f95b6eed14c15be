from triport import ConsoleSession

# Attach the cookies captured during sign-in.
session = ConsoleSession(
    nl_session=NL_SESSION,
    nl_csrf=NL_CSRF,
    ref_code=REF_CODE,
)

result = session.auth.attribute()
print(result.attributed, result.reason)
